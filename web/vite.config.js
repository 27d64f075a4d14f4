// Builds the reports' page into one file, dist/report.html, which the C++ build embeds.
import { createHash } from "node:crypto";
import { defineConfig } from "vite";

// Puts script and style into the page, and a policy that lets nothing else run or load: not even a
// hostile name in the data could, were it not escaped.
function singleFile() {
  return {
    name: "single-file",
    enforce: "post",
    generateBundle(_options, bundle) {
      const take = (test) => {
        const found = Object.values(bundle).find((file) => test(file.fileName));
        delete bundle[found.fileName];
        return found;
      };
      const script = take((name) => name.endsWith(".js")).code.replaceAll("</script", "<\\/script");
      const style = String(take((name) => name.endsWith(".css")).source);
      const page = take((name) => name.endsWith(".html"));
      const digest = createHash("sha256").update(script).digest("base64");
      const policy =
        `default-src 'none'; script-src 'sha256-${digest}'; style-src 'unsafe-inline'; ` +
        "img-src data:; base-uri 'none'; form-action 'none'";
      let html = String(page.source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, "")
        .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
        .replace("<meta charset=\"utf-8\">", () =>
          `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${policy}">`)
        .replace("</head>", () => `<style>${style}</style>\n</head>`)
        .replace("</body>", () => `<script>${script}</script>\n</body>`);
      for (const mark of ["CLARY_REPORT_TITLE", "\"CLARY_REPORT_MODEL\""]) {
        if (html.split(mark).length !== 2) throw new Error(`${mark} must be in the page once`);
      }
      this.emitFile({ type: "asset", fileName: "report.html", source: html });
    },
  };
}

export default defineConfig({
  build: {
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rollupOptions: { output: { format: "iife", inlineDynamicImports: true } },
  },
  plugins: [singleFile()],
});
