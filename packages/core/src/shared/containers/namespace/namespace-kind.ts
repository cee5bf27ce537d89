import { plural } from "../../../errors/index.ts";
import { NAME, type SharedKind } from "../../object/index.ts";
import { makeWithOf } from "../calls/index.ts";
import { containerKind } from "../state/index.ts";
import { NamespaceProxy } from "./namespace.ts";

/** Names with values: a dict whose keys are stored as they are. */
export const NAMESPACE_KIND: SharedKind<NamespaceProxy> = containerKind({
  kind: "namespace",
  open: (runtime, reference) => new NamespaceProxy(runtime, reference, makeWithOf(reference.settings)),
  makers: {
    namespace: {
      of: "manager",
      form: "manager.namespace(name) or manager.namespace(attributes, { name })",
      most: 2,
      options: { 1: NAME },
    },
  },
  parts: ["items", "order"],
  summary: ({ size }) => plural(size, "attribute"),
});
