// Builds the web app into dist/web, from where the dashboard's server serves it.
import { fileURLToPath } from "node:url";
import { createLogger, defineConfig, type Logger } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // The dashboard may be mounted anywhere: the server writes the base into index.html.
  base: "./",
  build: {
    outDir: fileURLToPath(new URL("../dist/web", import.meta.url)),
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    manifest: "manifest.json",
    // The content policy allows no data: for scripts and fonts, and one rule for all is simpler.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
  // Libraries mark their files for servers that draw React, which this is not.
  customLogger: quiet(),
  oxc: { jsx: { runtime: "automatic" } },
});

function quiet(): Logger {
  const logger = createLogger("warn");
  const { warn } = logger;
  logger.warn = (message, options) => {
    if (!/MODULE_LEVEL_DIRECTIVE|PLUGIN_TIMINGS|theme\.js/.test(message)) warn(message, options);
  };
  return logger;
}
