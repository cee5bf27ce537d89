import type { ReactNode } from "react";
import { useWords, type Words } from "../words/index.ts";

const GLYPHS = {
  failed: (
    <>
      <path className="f" d="M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z" />
      <path className="k" d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" />
    </>
  ),
  deadlock: <path d="M2.4 9A5.7 5.7 0 0 1 12 4.2M13.6 7A5.7 5.7 0 0 1 4 11.8M12.3 1.4v3H9.4M3.7 14.6v-3h2.9" />,
  dot: <circle className="f" cx="8" cy="8" r="3.4" />,
  delayed: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 4.6V8l2.4 1.6" />
    </>
  ),
  backoff: <path d="M13.4 8A5.4 5.4 0 1 1 11 3.5M11.2 1.2v2.6H8.6" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <circle className="f" cx="8" cy="8" r="2.9" />
    </>
  ),
  draining: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 5v6M5.8 8.9 8 11.1l2.2-2.2" />
    </>
  ),
  held: (
    <>
      <rect x="3" y="7" width="10" height="7" rx="1.6" />
      <path d="M5.3 7V5a2.7 2.7 0 0 1 5.4 0v2" />
    </>
  ),
  free: (
    <>
      <rect x="3" y="7" width="10" height="7" rx="1.6" />
      <path d="M5.3 7V4.6a2.7 2.7 0 0 1 5.2-.9" />
    </>
  ),
  completed: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="m5.4 8.2 1.8 1.8 3.4-3.8" />
    </>
  ),
  gone: (
    <>
      <circle cx="8" cy="8" r="5.8" strokeDasharray="2.4 2.4" />
      <path d="m6 6 4 4m0-4-4 4" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.6" />
      <path d="m4.2 11.8 7.6-7.6" />
    </>
  ),
  warn: <path d="M8 2 14.4 13.4H1.6zM8 6.4v3M8 11.4v.1" />,
  blocked: (
    <>
      <rect x="2.4" y="2.4" width="11.2" height="11.2" rx="2.4" />
      <path d="M5.2 8h5.6" />
    </>
  ),
  active: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path className="f" d="M6.4 5.3v5.4L10.9 8z" />
    </>
  ),
  waiting: <circle cx="8" cy="8" r="5.6" />,
  prioritized: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 11V5M5.6 7.4 8 5l2.4 2.4" />
    </>
  ),
  paused: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M6.5 5.9v4.2M9.5 5.9v4.2" />
    </>
  ),
  unknown: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M6.5 6.5A1.5 1.5 0 1 1 8 8.4v.4M8 10.8v.1" />
    </>
  ),
  info: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 7.4v3.4M8 5.1v.1" />
    </>
  ),
  permits: (
    <>
      <circle className="f" cx="4" cy="8" r="2" />
      <circle cx="12" cy="8" r="2" />
      <path d="M8 4v8" />
    </>
  ),
  flag: <path d="M3.5 14V2.5h9l-2 3.2 2 3.2h-9" />,
  bell: <path d="M4 11.4h8c-1-1-1.2-2-1.2-4a2.8 2.8 0 0 0-5.6 0c0 2-.2 3-1.2 4zM6.8 13.6h2.4" />,
  gate: <path d="M3 2.5v11M13 2.5v11M3 6h10M3 10h10" />,
  queue: <path d="M2 4.5h8M2 8h8M2 11.5h8M12 5.5 14.4 8 12 10.5" />,
  pipe: <path d="M2 5.4h9M8.6 3 11 5.4 8.6 7.8M14 10.6H5M7.4 8.2 5 10.6l2.4 2.4" />,
  manager: (
    <>
      <rect x="5.4" y="2.2" width="5.2" height="4" rx="1" />
      <rect x="1.8" y="9.8" width="5.2" height="4" rx="1" />
      <rect x="9" y="9.8" width="5.2" height="4" rx="1" />
      <path d="M8 6.2V8M4.4 9.8V8h7.2v1.8" />
    </>
  ),
  braces: <path d="M6 2.5C3.5 2.5 5 8 2.5 8 5 8 3.5 13.5 6 13.5M10 2.5c2.5 0 1 5.5 3.5 5.5C11 8 12.5 13.5 10 13.5" />,
  brackets: <path d="M5.6 2.8H3v10.4h2.6M10.4 2.8H13v10.4h-2.6" />,
  value: (
    <>
      <rect x="2.4" y="4" width="11.2" height="8" rx="1.6" />
      <path d="M5.4 8h5.2" />
    </>
  ),
  tick: <path d="m3.2 8.6 3 3 6.6-7.2" />,
  cross: <path d="m4 4 8 8m0-8-8 8" />,
  dash: <path d="M4 8h8" />,
} satisfies Record<string, ReactNode>;

export type GlyphName = keyof typeof GLYPHS;
export type StateName = keyof Words["states"];

/** The shape of each state, so that none is told by its colour alone. */
const SHAPE_OF: Readonly<Record<StateName, GlyphName>> = {
  waiting: "waiting",
  delayed: "delayed",
  prioritized: "prioritized",
  blocked: "blocked",
  active: "active",
  "waiting-children": "waiting",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
  unknown: "unknown",
  backoff: "backoff",
  running: "running",
  starting: "waiting",
  quiet: "paused",
  draining: "draining",
  paused: "paused",
  deaf: "warn",
  unready: "warn",
  gone: "gone",
  held: "held",
  free: "free",
  deadlock: "deadlock",
  ended: "completed",
  lost: "gone",
  terminated: "cancelled",
};

export function Glyph({ name }: { name: GlyphName }) {
  return (
    <svg className="glyph" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {GLYPHS[name]}
    </svg>
  );
}

/** A state as shape, word and colour. @param children - Said in place of the word of the state. */
export function State({ name, pill = false, children }: { name: StateName; pill?: boolean; children?: ReactNode }) {
  const { states } = useWords();
  return (
    <span className={`state ${pill ? "pill " : ""}${name}`}>
      <Glyph name={SHAPE_OF[name]} />
      <span>{children ?? states[name]}</span>
    </span>
  );
}

export function isStateName(text: string): text is StateName {
  return Object.hasOwn(SHAPE_OF, text);
}
