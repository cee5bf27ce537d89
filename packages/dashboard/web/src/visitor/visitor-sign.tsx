import { call } from "../api/call.ts";
import { Button } from "../components/button.tsx";
import { useWords } from "../words/index.ts";
import { useVisitor } from "./may.ts";

/** Who is signed in, with which role, and the way out. */
export function VisitorSign() {
  const { visitor: said } = useWords();
  const visitor = useVisitor();
  if (visitor === undefined) return null;
  const role = visitor.readOnly ? `${said.roles[visitor.role]}, ${said.onlyReading}` : said.roles[visitor.role];
  return (
    <span className="visitor">
      <span>
        <b>{visitor.by === "open" ? said.anyone : visitor.name}</b> <span className="soft">{role}</span>
      </span>
      {visitor.session && (
        <Button size="small" look="quiet" onClick={() => void signOut()}>
          {said.signOut}
        </Button>
      )}
    </span>
  );
}

/** The server shows its sign-in page then, at any address. */
async function signOut(): Promise<void> {
  await call("/sign-out", { method: "POST" }).catch(() => {});
  location.reload();
}
