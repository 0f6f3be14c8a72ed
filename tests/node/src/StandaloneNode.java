import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node in this process until the process is told to stop, or until its owner is gone.
 *
 * Arguments: the folder with the modules, the folder with the node's own files, the process id of the owner (0: none).
 */
public final class StandaloneNode {
    public static void main(String[] args) throws Exception {
        stopWith(Long.parseLong(args[2]));
        Node node = start(Path.of(args[0]).toAbsolutePath(), Path.of(args[1]).toAbsolutePath());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node), "close-node"));
        Thread.currentThread().join();
    }

    private static Node start(Path home, Path files) throws Exception {
        Settings paths = Settings.builder()
            .put("path.home", home)
            .put("path.data", files.resolve("data"))
            .put("path.logs", files.resolve("logs"))
            .build();
        LogConfigurator.registerErrorListener();
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(paths, Map.of(), files.resolve("config"), () -> "node");
        LogConfigurator.configure(environment, true);
        var modules = PluginsLoader.loadModulesBundles(environment.modulesDir());
        return new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of(), false)).start();
    }

    /** A test that is killed cannot clean up; its node notices that by itself. */
    private static void stopWith(long owner) {
        if (owner == 0) {
            return;
        }
        ProcessHandle.of(owner).ifPresentOrElse(
            process -> process.onExit().thenRun(() -> System.exit(0)),
            () -> System.exit(0));
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (Exception failure) {
            failure.printStackTrace();
        }
    }
}
