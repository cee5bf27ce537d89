export { createNamespace, NAMESPACE_KIND, NamespaceProxy } from "./namespace.ts";
