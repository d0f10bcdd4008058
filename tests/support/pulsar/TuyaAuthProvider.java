import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Properties;
import javax.naming.AuthenticationException;
import org.apache.pulsar.broker.ServiceConfiguration;
import org.apache.pulsar.broker.authentication.AuthenticationDataSource;
import org.apache.pulsar.broker.authentication.AuthenticationProvider;

/**
 * The broker's side of Tuya's method {@code auth1} (docs/tuya.md, "Messages").
 *
 * <p>Accounts are lines {@code accessId=accessKey} of the file that the broker property {@code tuya.accounts} names. It
 * is read at every authentication, so that tests may add accounts to a running broker.
 */
public class TuyaAuthProvider implements AuthenticationProvider {
    private Path accounts;

    @Override
    public void initialize(ServiceConfiguration config) {
        accounts = Path.of(config.getProperty("tuya.accounts").toString());
    }

    @Override
    public String getAuthMethodName() {
        return "auth1";
    }

    @Override
    public String authenticate(AuthenticationDataSource data) throws AuthenticationException {
        if (!data.hasDataFromCommand()) {
            throw new AuthenticationException("no credentials");
        }
        try {
            JsonNode sent = new ObjectMapper().readTree(data.getCommandData());
            String user = sent.path("username").asText();
            String key = keyOf(user);
            if (key == null) {
                throw new AuthenticationException("unknown access id");
            }
            String expected = md5(user + md5(key)).substring(8, 24);
            if (!MessageDigest.isEqual(bytes(expected), bytes(sent.path("password").asText()))) {
                throw new AuthenticationException("wrong password");
            }
            return user;
        } catch (AuthenticationException refused) {
            throw refused;
        } catch (Exception broken) {
            throw new AuthenticationException(broken.toString());
        }
    }

    @Override
    public void close() {}

    private String keyOf(String user) throws Exception {
        Properties known = new Properties();
        try (InputStream file = Files.newInputStream(accounts)) {
            known.load(file);
        }
        return known.getProperty(user);
    }

    private static String md5(String text) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes(text)));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
