export { partAt, type ValueItem, type ValueNode, type ValueTreeOptions, valueTree } from "./value-tree.ts";
