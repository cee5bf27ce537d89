import { Link } from "@tanstack/react-router";
import { visible } from "../../format/visible.ts";
import type { ObjectSearch } from "../../router.tsx";

/** A link to an object on the page of objects. */
export function ObjectLink({ kind, name }: { kind: string; name: string }) {
  return (
    <Link to="/objects" search={(before: ObjectSearch) => ({ ...before, object: `${kind}/${name}` })} hash="object">
      <bdi>{visible(name)}</bdi>
    </Link>
  );
}
