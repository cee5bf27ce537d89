import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { tinykeys } from "tinykeys";
import { BASE } from "../base.ts";
import { Button } from "../components/button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Icon } from "../components/icon.tsx";
import { Glyph } from "../components/state.tsx";
import { clockTime, wholeDuration } from "../format/times.ts";
import { useNow } from "../live/clock.ts";
import { hello, live, pauseLive, resumeLive } from "../live/live.ts";
import { changeSettings, currentSettings, useSettings } from "../settings.ts";
import { useStore } from "../store.ts";
import { VisitorSign } from "../visitor/visitor-sign.tsx";
import { useWords } from "../words/index.ts";
import { isBehindG } from "./go-key.ts";
import { NavAlarm, NavCount } from "./nav-count.tsx";
import { PAGES } from "./pages.ts";

const Palette = lazy(() => import("./palette.tsx").then(({ Palette }) => ({ default: Palette })));

/** The side, the bar and the tabs around every page. */
export function AppFrame() {
  const { frame } = useWords();
  const [opened, setOpened] = useState<"palette" | "help" | null>(null);
  const { letterKeys } = useSettings();
  const navigate = useNavigate();
  useEffect(() => {
    const letters = (run: () => void) => (event: KeyboardEvent) => {
      if (!letterKeys || isTyping(event)) return;
      event.preventDefault();
      run();
    };
    const openPalette = (event: KeyboardEvent) => {
      event.preventDefault();
      setOpened("palette");
    };
    // No sequences of tinykeys: `g g t` is none for it, and a second `g` is lost.
    const opens = (to: (typeof PAGES)[number]["to"], alone?: () => void) => (event: KeyboardEvent) => {
      const run = isBehindG(event) ? () => void navigate({ to }) : alone;
      if (run) letters(run)(event);
    };
    const pages = PAGES.flatMap((page) => ("key" in page ? [page] : []));
    return tinykeys(window, {
      ...Object.fromEntries(pages.map(({ key, to }) => [key, opens(to, key === "p" ? toggleLive : undefined)])),
      "$mod+k": openPalette,
      "/": letters(() => setOpened("palette")),
      "?": letters(() => setOpened("help")),
      "Shift+?": letters(() => setOpened("help")),
    });
  }, [letterKeys, navigate]);
  return (
    <>
      <a className="skip" href="#main">
        {frame.skip}
      </a>
      <LostBanner />
      <div className="app">
        <Side />
        <div>
          <Bar openPalette={() => setOpened("palette")} openHelp={() => setOpened("help")} />
          <main className="page" id="main" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
        <Tabs />
      </div>
      {opened === "palette" && (
        <Suspense fallback={null}>
          <Palette onClose={() => setOpened(null)} />
        </Suspense>
      )}
      {opened === "help" && <Keys onClose={() => setOpened(null)} />}
    </>
  );
}

function Side() {
  const { frame } = useWords();
  const greeting = useStore(hello);
  return (
    <nav className="side" aria-label={frame.pages}>
      <Link className="brand" to="/" title={frame.namespace(greeting?.namespace ?? "")}>
        <img src={`${BASE}mark.svg`} width="26" height="26" alt="" />
        <span className="txt">
          manyhands <small>{greeting?.namespace ?? "\u00a0"}</small>
        </span>
      </Link>
      {PAGES.map((page) => (
        <SideEntry key={page.to} page={page} />
      ))}
      <VisitorSign />
      <p className="foot">
        {greeting?.version} ·{" "}
        <a href={`${BASE}bull-board`} target="_blank" rel="noreferrer">
          {frame.bullBoard} ↗
        </a>
      </p>
    </nav>
  );
}

function SideEntry({ page }: { page: (typeof PAGES)[number] }) {
  const { frame } = useWords();
  const name = frame[page.name];
  return (
    <>
      {"beginsGroup" in page && <hr />}
      <Link className="nav" to={page.to} title={name} activeOptions={{ exact: page.to === "/", includeSearch: false }}>
        <Icon name={page.icon} />
        <span className="txt">{name}</span>
        <NavCount page={page.name} />
      </Link>
    </>
  );
}

function Bar({ openPalette, openHelp }: { openPalette: () => void; openHelp: () => void }) {
  const { frame } = useWords();
  const { state } = useStore(live);
  const toggleName = state === "paused" ? frame.resume : frame.pause;
  return (
    <header className="bar">
      <Link className="brand only-phone" to="/" aria-label={frame.overview}>
        <img src={`${BASE}mark.svg`} width="26" height="26" alt="" />
      </Link>
      <button type="button" className="search" aria-label={frame.searchHint} onClick={openPalette}>
        <Icon name="search" />
        <span>{frame.searchHint}</span>
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: it is no control, and the label says nothing of it */}
        <kbd aria-hidden="true">/</kbd>
      </button>
      <span className="push" />
      <LiveSign />
      <Button look="quiet" icon={state === "paused" ? "play" : "pause"} label={toggleName} onClick={toggleLive} />
      <span className="wide row">
        <Button look="quiet" icon="help" label={frame.help} onClick={openHelp} />
        <Button look="quiet" icon="theme" label={frame.theme} onClick={turnTheme} />
      </span>
    </header>
  );
}

function LiveSign() {
  const { frame, common } = useWords();
  const { state: stream, heardAt, missed, problem } = useStore(live);
  // Drawn again each second.
  useNow();
  // The dashboard answers, and has nothing new to tell.
  const state = stream === "live" && problem ? "lost" : stream;
  const lost = problem ? frame.redisLost : frame.lost;
  const said = { live: frame.live, paused: frame.paused, connecting: frame.connecting, lost }[state];
  const ago = heardAt === null ? null : Math.max(0, Date.now() - heardAt);
  return (
    <span className="live" data-state={state}>
      <Glyph name={state === "lost" ? "failed" : state === "paused" ? "paused" : "dot"} />
      <span>
        <span role="status">{said}</span>
        {state === "paused" && missed > 0 && <span className="ago">, {frame.missed(missed)}</span>}
        {state === "live" && ago !== null && (
          <span className="ago" aria-hidden="true">
            , {common.ago(wholeDuration(ago))}
          </span>
        )}
      </span>
    </span>
  );
}

function LostBanner() {
  const { frame } = useWords();
  const { state, heardAt, problem } = useStore(live);
  const now = useNow();
  if (problem) {
    const since = clockTime(problem.since);
    return <Banner text={frame.redisAway(since, wholeDuration(now - problem.since))} more={problem.message} />;
  }
  if (state !== "lost") return null;
  return <Banner text={frame.dashboardAway} more={heardAt === null ? "" : frame.oldNumbers(clockTime(heardAt))} />;
}

function Banner({ text, more }: { text: string; more: string }) {
  return (
    <div className="banner" role="alert">
      <Glyph name="failed" />
      <span className="grow">
        <b>{text}</b> {more}
      </span>
    </div>
  );
}

/** On a phone four pages have a tab of their own, and the fifth tab opens the others. */
function Tabs() {
  const { frame, common } = useWords();
  const [isOpen, setOpen] = useState(false);
  const short = ["/", "/failures", "/tasks", "/objects"] as const;
  const others = PAGES.filter(({ to }) => !(short as readonly string[]).includes(to));
  return (
    <>
      <nav className="tabbar" aria-label={frame.pagesShort}>
        {PAGES.filter(({ to }) => (short as readonly string[]).includes(to)).map((page) => (
          <Link key={page.to} to={page.to} activeOptions={{ exact: page.to === "/", includeSearch: false }}>
            <Icon name={page.icon} />
            {page.name === "objects" ? frame.objectsShort : frame[page.name]}
            <NavAlarm page={page.name} />
          </Link>
        ))}
        <button type="button" onClick={() => setOpen(true)} aria-haspopup="dialog">
          <Icon name="menu" />
          {frame.more}
        </button>
      </nav>
      {isOpen && (
        <Dialog title={frame.pages} onClose={() => setOpen(false)}>
          <ul className="plain page-list">
            {others.map((page) => (
              <li key={page.to}>
                <Icon name={page.icon} />
                <Link to={page.to} onClick={() => setOpen(false)}>
                  {frame[page.name]}
                </Link>
              </li>
            ))}
          </ul>
          <footer>
            <Button onClick={() => setOpen(false)}>{common.close}</Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

function Keys({ onClose }: { onClose: () => void }) {
  const { frame, common } = useWords();
  const names = frame.keyNames;
  const keys: readonly (readonly [string, readonly string[]])[] = [
    [names.search, ["/"]],
    [names.commands, ["Ctrl", "K"]],
    ...PAGES.flatMap((page) => ("key" in page ? [[frame[page.name], ["g", page.key]] as const] : [])),
    [names.next, ["j", "k"]],
    [names.open, ["Enter"]],
    [names.select, ["x"]],
    [names.selectAll, ["Shift", "A"]],
    [names.retry, ["r"]],
    [names.cancel, ["c"]],
    [names.pause, ["p"]],
    [names.help, ["?"]],
    [names.close, ["Esc"]],
  ];
  return (
    <Dialog title={frame.keys} onClose={onClose}>
      <div className="keys">
        {keys.map(([name, pressed]) => (
          <div key={name}>
            <span>{name}</span>
            <span>
              {pressed.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </span>
          </div>
        ))}
      </div>
      <footer>
        <Button onClick={onClose}>{common.close}</Button>
      </footer>
    </Dialog>
  );
}

function toggleLive(): void {
  if (live.get().state === "paused") resumeLive();
  else pauseLive();
}

function turnTheme(): void {
  const { theme } = currentSettings();
  const isDark = theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
  changeSettings({ theme: isDark ? "light" : "dark" });
}

function isTyping({ target }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
