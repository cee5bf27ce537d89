export { createNamespace, NamespaceProxy } from "./namespace.ts";
export { NAMESPACE_KIND } from "./namespace-kind.ts";
