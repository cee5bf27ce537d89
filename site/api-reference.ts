// The reference of the programming interface, from the docstrings of every public entry, as Markdown pages for the site.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  Application,
  Comment,
  CommentTag,
  type Context,
  Converter,
  type DeclarationReflection,
  OptionDefaults,
  Reflection,
  ReflectionKind,
  RendererEvent,
  type TypeDocOptions,
  TypeScript,
} from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import { PUBLISHED } from "../scripts/pack.ts";
import { ROOT } from "../scripts/root.ts";

/** What a program can import, with the names that it exports. */
export interface ApiEntry {
  name: string;
  /** The address of its page below that of the reference. */
  address: string;
  groups: readonly { title: string; members: readonly { name: string; address: string }[] }[];
}

/** Entries that are not for users. */
const HIDDEN = ["./internal", "./child"];

/** Source files of the public entries, with what programs import. */
const ENTRIES: ReadonlyMap<string, string> = new Map(PUBLISHED.flatMap(publicEntries));

const GROUPS = ["Functions", "Classes", "Errors", "Types", "Variables"];

const OPTIONS: TypeDocOptions & PluginOptions = {
  entryPoints: [...ENTRIES.keys()],
  tsconfig: join(ROOT, "site/tsconfig.api-reference.json"),
  plugin: ["typedoc-plugin-markdown"],
  name: "API reference",
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  groupOrder: GROUPS,
  // docs/errors.md is made from these two.
  blockTags: [...OptionDefaults.blockTags, "@cause", "@remedy"],
  logLevel: "Warn",
  entryFileName: "index",
  excludeScopesInPaths: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: true,
  expandParameters: true,
  indexFormat: "table",
  parametersFormat: "table",
  typeDeclarationFormat: "table",
  pageTitleTemplates: { index: "{projectName}", module: "{name}", member: "{rawName}" },
};

/**
 * Writes the pages into `folder`, which holds nothing else. Members marked `@internal` are left out. A link to a name
 * that is not there, or a documented parameter that does not exist, is an error.
 */
export async function writeApiReference(folder: string): Promise<ApiEntry[]> {
  rmSync(folder, { recursive: true, force: true });
  const application = await Application.bootstrapWithPlugins({
    ...OPTIONS,
    outputs: [{ name: "markdown", path: folder }],
  } as TypeDocOptions);
  application.converter.on(Converter.EVENT_CREATE_DECLARATION, sortIntoGroup);
  const found = application.getEntryPoints() ?? [];
  for (const entry of found) entry.displayName = ENTRIES.get(entry.sourceFile.fileName) ?? entry.displayName;
  const project = application.converter.convert(found);
  application.validate(project);
  const addresses = new Map<Reflection, string>();
  application.renderer.on(RendererEvent.BEGIN, ({ pages }) => {
    for (const page of pages) {
      if (page.model instanceof Reflection) addresses.set(page.model, page.url.replace(/(index)?\.md$/, ""));
    }
  });
  await application.generateOutputs(project);
  if (application.logger.hasWarnings() || application.logger.hasErrors()) {
    throw new Error("the docstrings have faults, see above");
  }
  return (project.children ?? []).map((entry) => describe(entry, addresses));
}

/** By what a reader does with it: `Pool` is a class that is exported as a type, because programs do not construct it. */
function sortIntoGroup(context: Context, reflection: DeclarationReflection): void {
  // Functions and variables have groups of their own already.
  const isType = reflection.kindOf(ReflectionKind.ClassOrInterface | ReflectionKind.TypeAlias);
  if (!isType || reflection.parent?.kindOf(ReflectionKind.Module) !== true) return;
  reflection.comment ??= new Comment();
  reflection.comment.blockTags.push(new CommentTag("@group", [{ kind: "text", text: groupOf(context, reflection) }]));
}

function groupOf(context: Context, reflection: DeclarationReflection): string {
  const flags = context.getSymbolFromReflection(reflection)?.flags ?? 0;
  if ((flags & TypeScript.SymbolFlags.Class) === 0) return "Types";
  return reflection.name.endsWith("Error") ? "Errors" : "Classes";
}

function describe(entry: DeclarationReflection, addresses: ReadonlyMap<Reflection, string>): ApiEntry {
  const address = (one: Reflection): string => addresses.get(one) ?? "";
  return {
    name: entry.name,
    address: address(entry),
    groups: (entry.groups ?? []).map((group) => ({
      title: group.title,
      members: group.children.map((one) => ({ name: one.name, address: address(one) })),
    })),
  };
}

function publicEntries(folder: string): [path: string, name: string][] {
  const manifest = JSON.parse(readFileSync(join(ROOT, "packages", folder, "package.json"), "utf8")) as {
    name: string;
    exports: Record<string, { "@manyhands/source": string }>;
  };
  return Object.entries(manifest.exports)
    .filter(([entry]) => !HIDDEN.includes(entry))
    .map(([entry, target]) => [
      join(ROOT, "packages", folder, target["@manyhands/source"]),
      manifest.name + entry.slice(1),
    ]);
}
