import { existsSync, globSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { codeFolder } from "@manyhands/core/internal";
import { type Context, Hono } from "hono";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The first part of each address that is a page of the web app. */
const PAGES = [
  ...["failures", "tasks", "dead-letters", "pools", "hosts", "processes", "objects", "schedules", "workflows"],
  ...["redis", "audit", "settings"],
];

interface WebFile {
  type: string;
  body: Uint8Array<ArrayBuffer>;
  zipped: Uint8Array<ArrayBuffer>;
  /** Its name has a digest of the content in it. */
  isImmutable: boolean;
}

/** The web app as vite has built it, read once: nothing but these files can be asked for. */
export class WebApp {
  readonly #files = new Map<string, WebFile>();
  readonly #index: string;

  /** @param base - Where the dashboard is mounted, with a slash at the end. */
  constructor(base: string) {
    const folder = fileURLToPath(new URL("../dist/web/", codeFolder(import.meta.url)));
    if (!existsSync(`${folder}index.html`)) {
      this.#index = "<!doctype html><title>manyhands</title><p>The web app is not built: run pnpm build.</p>";
      return;
    }
    this.#index = readFileSync(`${folder}index.html`, "utf8")
      .replace('name="manyhands-base" content="/"', `name="manyhands-base" content="${base}"`)
      .replaceAll(/(src|href)="\.\//g, `$1="${base}`);
    for (const name of globSync(["assets/*", "*.js", "*.svg"], { cwd: folder })) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const body = new Uint8Array(readFileSync(folder + name));
      const isImmutable = name.startsWith("assets/");
      this.#files.set(`/${name.replaceAll("\\", "/")}`, {
        ...{ type, body, isImmutable },
        zipped: new Uint8Array(gzipSync(body)),
      });
    }
  }

  /** Its scripts, styles and pictures, which are public: they say nothing of the fleet. */
  files(): Hono {
    const app = new Hono();
    for (const [path, file] of this.#files) app.get(path, (context) => sendFile(context, file));
    return app;
  }

  /** Its pages: the same document at each address, which its router reads. */
  pages(): Hono {
    const app = new Hono();
    app.get("/", (context) => this.#send(context));
    for (const page of PAGES) {
      app.get(`/${page}`, (context) => this.#send(context));
      app.get(`/${page}/*`, (context) => this.#send(context));
    }
    return app;
  }

  /** For an address that is no page, which its router says. */
  nowhere(context: Context): Response {
    return this.#send(context, 404);
  }

  #send(context: Context, status: 200 | 404 = 200): Response {
    context.header("Cache-Control", "no-cache");
    return context.body(this.#index, status, { "Content-Type": "text/html; charset=utf-8" });
  }
}

function sendFile(context: Context, { type, body, zipped, isImmutable }: WebFile): Response {
  const takesGzip = /\bgzip\b/.test(context.req.header("accept-encoding") ?? "");
  return context.body(takesGzip ? zipped : body, 200, {
    "Content-Type": type,
    Vary: "Accept-Encoding",
    "Cache-Control": isImmutable ? "public, max-age=31536000, immutable" : "public, max-age=300",
    ...(takesGzip && { "Content-Encoding": "gzip" }),
  });
}
