// What is wrong with one Lua script, told by its syntax tree. luaparse knows the language; which name is meant where, and
// who reads it, is found here.
import { type Chunk, type Expression, type Identifier, type Node, parse, type Statement } from "luaparse";

export interface Finding {
  /** In the script, from 1. */
  line: number;
  what: string;
}

/** A local name, or a parameter. */
export interface Declared {
  line: number;
  name: string;
  /** It is read; or one that was declared with it, and stands behind it, is: then it keeps the place of a value. */
  isUsed: boolean;
}

/** Which places of KEYS or ARGV a script reads. */
export interface Uses {
  /** Each with the line in which it is read first. */
  places: Map<number, number>;
  /** As a whole, or by a place that is computed. */
  isWhole: boolean;
}

export interface Analysis {
  findings: Finding[];
  declared: Declared[];
  keys: Uses;
  args: Uses;
}

/** What Redis gives to a script. */
const GLOBALS = new Set(
  (
    "redis KEYS ARGV cjson cmsgpack struct bit math string table tonumber tostring type pairs ipairs next unpack select " +
    "error pcall assert setmetatable getmetatable rawget rawset rawequal"
  ).split(" "),
);

/** A text of BullMQ as a function of ours (`bullFunction`): its parameters hide the tables, and what it does is BullMQ's. */
const FOREIGN_PARAMETERS = ["KEYS,ARGV", "KEYS,ARGV,redis"];

/** @throws SyntaxError as luaparse does, where it is no Lua 5.1 */
export function analyse(lua: string): Analysis {
  const reader = new Reader();
  reader.read(parse(lua, { luaVersion: "5.1", locations: true, comments: false }));
  return reader.analysis;
}

interface Name {
  name: string;
  line: number;
  isRead: boolean;
}

class Reader {
  readonly analysis: Analysis = {
    findings: [],
    declared: [],
    keys: { places: new Map(), isWhole: false },
    args: { places: new Map(), isWhole: false },
  };
  readonly #scopes: Map<string, Name>[] = [];
  /** Names that were declared together. */
  readonly #groups: Name[][] = [];

  read(chunk: Chunk): void {
    this.#block(chunk.body);
    this.analysis.declared = this.#groups.flatMap((group) =>
      group.map(({ name, line }, place) => ({ name, line, isUsed: group.slice(place).some(({ isRead }) => isRead) })),
    );
  }

  #block(body: readonly Statement[], names: readonly Identifier[] = [], then: () => void = () => {}): void {
    this.#scopes.push(new Map());
    this.#declare(names);
    for (const statement of body) this.#statement(statement);
    then();
    this.#scopes.pop();
  }

  #statement(node: Statement): void {
    switch (node.type) {
      case "LocalStatement":
        if (!this.#takesAll(node.variables, node.init)) for (const value of node.init) this.#expression(value);
        this.#declare(node.variables);
        return;
      case "AssignmentStatement":
        for (const value of node.init) this.#expression(value);
        for (const target of node.variables) this.#assign(target);
        return;
      case "FunctionDeclaration":
        this.#function(node);
        return;
      case "RepeatStatement":
        this.#block(node.body, [], () => this.#expression(node.condition));
        return;
      case "ForNumericStatement":
        for (const bound of [node.start, node.end, node.step]) if (bound) this.#expression(bound);
        this.#block(node.body, [node.variable]);
        return;
      case "ForGenericStatement":
        for (const iterator of node.iterators) this.#expression(iterator);
        this.#block(node.body, node.variables);
        return;
      case "IfStatement":
        for (const clause of node.clauses) {
          if ("condition" in clause) this.#expression(clause.condition);
          this.#block(clause.body);
        }
        return;
      case "WhileStatement":
        this.#expression(node.condition);
        this.#block(node.body);
        return;
      case "DoStatement":
        this.#block(node.body);
        return;
      case "ReturnStatement":
        for (const value of node.arguments) this.#expression(value);
        return;
      case "CallStatement":
        this.#expression(node.expression);
        return;
    }
  }

  #function(
    node: Extract<Statement, { type: "FunctionDeclaration" }> | Extract<Expression, { type: "FunctionDeclaration" }>,
  ): void {
    if (node.identifier && node.isLocal) this.#declare([node.identifier as Identifier]);
    else if (node.identifier) this.#assign(node.identifier);
    const parameters = node.parameters.filter((one): one is Identifier => one.type === "Identifier");
    if (!FOREIGN_PARAMETERS.includes(parameters.map(({ name }) => name).join())) this.#block(node.body, parameters);
  }

  #expression(node: Expression): void {
    switch (node.type) {
      case "Identifier":
        this.#use(node);
        return;
      case "FunctionDeclaration":
        this.#function(node);
        return;
      case "IndexExpression":
        if (!this.#isPlace(node.base, node.index)) this.#expression(node.base);
        this.#expression(node.index);
        return;
      case "MemberExpression":
        this.#expression(node.base);
        return;
      default:
        for (const part of partsOf(node)) this.#expression(part);
    }
  }

  #assign(target: Node): void {
    if (target.type !== "Identifier") return this.#expression(target as Expression);
    if (!this.#find(target.name)) this.#note(target, `sets the global "${target.name}"`);
  }

  #use(node: Identifier): void {
    const declared = this.#find(node.name);
    if (declared) declared.isRead = true;
    else if (node.name === "KEYS") this.analysis.keys.isWhole = true;
    else if (node.name === "ARGV") this.analysis.args.isWhole = true;
    else if (!GLOBALS.has(node.name)) this.#note(node, `reads "${node.name}", which Redis does not have`);
  }

  /** `KEYS[3]` */
  #isPlace(base: Expression, index: Expression): boolean {
    const uses = this.#table(base);
    if (!uses || index.type !== "NumericLiteral") return false;
    noteUse(uses, index.value, base);
    return true;
  }

  /** `local first, second = unpack(ARGV)` */
  #takesAll(variables: readonly Identifier[], [value, more]: readonly Expression[]): boolean {
    if (value?.type !== "CallExpression" || more || value.base.type !== "Identifier") return false;
    const [table, from] = value.arguments;
    const uses = value.base.name === "unpack" && table && !from ? this.#table(table) : undefined;
    for (const [index] of variables.entries()) if (uses) noteUse(uses, index + 1, value);
    return uses !== undefined;
  }

  #table(node: Expression): Uses | undefined {
    if (node.type !== "Identifier" || this.#find(node.name)) return undefined;
    return { KEYS: this.analysis.keys, ARGV: this.analysis.args }[node.name];
  }

  #declare(nodes: readonly Identifier[]): void {
    const names = nodes.map((node) => ({ name: node.name, line: lineOf(node), isRead: node.name === "_" }));
    for (const [place, name] of names.entries()) {
      const node = nodes[place];
      if (name.name === "_" || !node) continue;
      if (this.#find(name.name)) this.#note(node, `"${name.name}" hides another "${name.name}"`);
      if (GLOBALS.has(name.name)) this.#note(node, `"${name.name}" hides what Redis gives`);
      this.#scopes.at(-1)?.set(name.name, name);
    }
    this.#groups.push(names);
  }

  #find(name: string): Name | undefined {
    return this.#scopes.findLast((scope) => scope.has(name))?.get(name);
  }

  #note(node: Node, what: string): void {
    this.analysis.findings.push({ line: lineOf(node), what });
  }
}

function partsOf(node: Expression): Expression[] {
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression":
      return [node.left, node.right];
    case "UnaryExpression":
      return [node.argument];
    case "CallExpression":
      return [node.base, ...node.arguments];
    case "TableCallExpression":
      return [node.base, node.arguments];
    case "StringCallExpression":
      return [node.base];
    case "TableConstructorExpression":
      return node.fields.flatMap((field) => (field.type === "TableKey" ? [field.key, field.value] : [field.value]));
    default:
      return [];
  }
}

function noteUse(uses: Uses, place: number, node: Node): void {
  if (!uses.places.has(place)) uses.places.set(place, lineOf(node));
}

function lineOf(node: Node): number {
  return node.loc?.start.line ?? 0;
}
