import { type ReactNode, useEffect } from "react";
import { ApiProblem } from "../api/problem.ts";
import { useWords } from "../words/index.ts";
import { Button } from "./button.tsx";
import { Glyph } from "./state.tsx";

/** The head of a page; its title becomes that of the tab. */
export function PageHead(props: {
  title: ReactNode;
  /** For the tab, when the title is not a text. */
  tab: string;
  crumbs?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
}) {
  const { title, tab, crumbs, lead, actions } = props;
  const { frame } = useWords();
  useEffect(() => {
    document.title = frame.title(tab);
  }, [frame, tab]);
  return (
    <>
      {crumbs && <nav className="crumb">{crumbs}</nav>}
      <div className="head">
        <div>
          <h1>{title}</h1>
          {lead && <p>{lead}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </div>
    </>
  );
}

/** What a reading gives, or what stands there instead: a skeleton of its height, or what went wrong. */
export function Reading<Answer>(props: {
  of: { data: Answer | undefined; error: Error | null; refetch: () => unknown };
  /** Rows of the skeleton. */
  rows?: number;
  children: (answer: Answer) => ReactNode;
}) {
  const { of, rows = 5, children } = props;
  if (of.data !== undefined) return children(of.data);
  if (of.error) return <Trouble error={of.error} again={() => void of.refetch()} />;
  return <Skeleton rows={rows} />;
}

export function Trouble({ error, again }: { error: Error; again?: () => void }) {
  const { common } = useWords();
  return (
    <div className="note bad" role="alert">
      <Glyph name="failed" />
      <div>
        <b>{common.cannotRead}</b>
        <p>{error instanceof ApiProblem ? error.message : String(error)}</p>
        {again && (
          <Button size="small" icon="retry" onClick={again}>
            {common.tryAgain}
          </Button>
        )}
      </div>
    </div>
  );
}

export function Skeleton({ rows }: { rows: number }) {
  const { common } = useWords();
  return (
    <div className="card skeletons" aria-busy="true" aria-label={common.loading} role="img">
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <span className="skeleton" key={index} />
      ))}
    </div>
  );
}

/** Says that there is nothing, and what to do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A command of the terminal, to be copied. */
export function Command({ text }: { text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <CopyButton text={text} />
    </div>
  );
}

export function CopyButton({ text }: { text: string }) {
  const { common } = useWords();
  return (
    <Button
      size="small"
      look="quiet"
      icon="copy"
      label={common.copy}
      onClick={() => void navigator.clipboard?.writeText(text)}
    />
  );
}
