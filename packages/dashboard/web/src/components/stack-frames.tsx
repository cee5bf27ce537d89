import { useWords } from "../words/index.ts";

interface Frame {
  called: string;
  at: string;
  isUsers: boolean;
}

/** Code of Node, of installed packages, and of manyhands. */
const NOT_THE_USERS = /^node:|[\\/]node_modules[\\/]|[\\/]packages[\\/](?:core|worker)[\\/](?:src|dist)[\\/]/;

/** The frames of a stack, those of the user's code open and the others folded. */
export function StackFrames({ stack }: { stack: string }) {
  const { failures: said } = useWords();
  const frames = framesOf(stack);
  const own = frames.filter(({ isUsers }) => isUsers);
  const others = frames.filter(({ isUsers }) => !isUsers);
  if (frames.length === 0) return <pre className="source">{stack}</pre>;
  return (
    <ol className="frames">
      {own.map((frame, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a frame is its place in the stack
        <FrameLine key={index} frame={frame} />
      ))}
      {others.length > 0 && (
        <li>
          <details>
            <summary>{said.otherFrames(others.length)}</summary>
            <ol>
              {others.map((frame, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a frame is its place in the stack
                <FrameLine key={index} frame={frame} />
              ))}
            </ol>
          </details>
        </li>
      )}
    </ol>
  );
}

function FrameLine({ frame: { called, at, isUsers } }: { frame: Frame }) {
  return (
    <li className={isUsers ? "user" : undefined}>
      <span>{called || "<anonymous>"}</span>
      <span className="at">{at}</span>
    </li>
  );
}

function framesOf(stack: string): Frame[] {
  return stack.split("\n").flatMap((line) => {
    const [, called = "", place = ""] = /^\s*at (?:(.{1,300}?) \()?(.{1,1000}?:\d+:\d+)\)?$/.exec(line) ?? [];
    if (place === "") return [];
    const at = place.replace(/^file:\/\//, "");
    return [{ called, at, isUsers: !NOT_THE_USERS.test(at) }];
  });
}
