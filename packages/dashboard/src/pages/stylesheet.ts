/** Light and dark by the visitor's system; one accent; colour never says anything that a word does not say too. */
export const stylesheet: string = /* css */ `
:root {
  color-scheme: light dark;
  --edge: clamp(1rem, 4vw, 2.5rem);
  --ground: #f6f6f3; --surface: #ffffff; --line: #e4e3dd; --text: #22231f; --soft: #6b6c64; --faint: #8b8c83;
  --accent: #23645f; --track: #e7e8e2; --good: #2e7253; --good-ground: #e3f1e8;
  --warn: #86590c; --warn-ground: #f9eed6; --bad: #b0362c; --bad-ground: #fbe7e4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #151715; --surface: #1d201e; --line: #2e322f; --text: #e6e7e1; --soft: #9ea199; --faint: #7f837b;
    --accent: #7cc4bb; --track: #323733; --good: #86cfa6; --good-ground: #1f3329;
    --warn: #e3b866; --warn-ground: #372d18; --bad: #f29086; --bad-ground: #3d2320;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums;
}
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
code { font: 0.92em ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--track); padding: 0.1em 0.4em; border-radius: 4px; overflow-wrap: anywhere; }
small { font-size: 0.87em; color: var(--soft); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -100vw; top: 0.5rem; padding: 0.4rem 0.8rem; background: var(--surface); z-index: 1; }
.skip:focus { left: 0.5rem; }

.top {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1rem; padding: 0.8rem max(var(--edge), calc((100% - 76rem) / 2 + var(--edge)));
  background: var(--surface); border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: 0.6rem; color: var(--text); font-weight: 650; letter-spacing: -0.01em; }
.brand:hover { text-decoration: none; }
.namespace { color: var(--soft); border-left: 1px solid var(--line); padding-left: 1rem; }
nav { display: flex; gap: 0.3rem; margin-left: auto; }
nav a { padding: 0.25rem 0.7rem; border-radius: 6px; color: var(--soft); }
nav a[aria-current] { color: var(--text); background: var(--track); }
.connection { color: var(--soft); font-size: 0.87em; }
.connection::before { content: ""; display: inline-block; width: 0.5em; height: 0.5em; margin-right: 0.5em; border-radius: 50%; background: var(--faint); vertical-align: 0.05em; }
.connection:empty::before { display: none; }
.connection[data-state="live"]::before { background: var(--good); }
.connection:is([data-state="stale"], [data-state="lost"]) { color: var(--bad); }
.connection:is([data-state="stale"], [data-state="lost"])::before { background: var(--bad); }

main { max-width: 76rem; margin: 0 auto; padding: 1.5rem var(--edge) 4rem; }
section { margin-top: 2.2rem; }
h2 { margin: 0 0 0.7rem; font-size: 1rem; font-weight: 620; }
.notice { display: flex; flex-wrap: wrap; gap: 0 0.6rem; margin-bottom: 1.5rem; padding: 0.7rem 1rem; color: var(--bad); background: var(--bad-ground); border-radius: 10px; }
.empty { margin: 0; padding: 1.3rem 1.2rem; color: var(--soft); background: var(--surface); border: 1px dashed var(--line); border-radius: 12px; }
.empty.urgent { color: var(--warn); border-color: var(--warn); }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; margin: 0; background: var(--line); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.figure { padding: 0.9rem 1.1rem; background: var(--surface); }
.figure dt { color: var(--soft); font-size: 0.87em; }
.figure dd { margin: 0; }
.figure b { display: block; font-size: 1.75rem; font-weight: 600; line-height: 1.25; letter-spacing: -0.02em; }
.figure.bad b, .bad { color: var(--bad); }

.pools { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--surface); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.pools th, .pools td { padding: 0.6rem 1.1rem; text-align: left; font-weight: 400; vertical-align: middle; }
.pools thead th { color: var(--soft); font-size: 0.87em; }
.pools tbody th, .pools tbody td { border-top: 1px solid var(--line); }
.pools tbody th { font-weight: 560; overflow-wrap: anywhere; }
.advice { margin: 0.3rem 0 0; max-width: 32rem; color: var(--warn); font-size: 0.87em; font-weight: 400; }
.advice.bad { color: var(--bad); }
.pools .number { text-align: right; white-space: nowrap; }
.pools .zero { color: var(--faint); }
.usage { display: grid; grid-template-columns: auto 1fr; gap: 0 0.35em; align-items: baseline; max-width: 11rem; }
.usage b { font-weight: 560; }
.bar { grid-column: 1 / -1; width: 100%; height: 4px; display: block; margin-top: 0.25rem; border-radius: 2px; }
.track { fill: var(--track); } .level { fill: var(--accent); }
.badge { display: inline-block; margin-left: 0.4em; padding: 0 0.55em; border-radius: 99px; font-size: 0.8rem; font-weight: 500; color: var(--soft); background: var(--track); white-space: nowrap; }
.badge.good { color: var(--good); background: var(--good-ground); }
.badge.warn { color: var(--warn); background: var(--warn-ground); }
.badge.bad { color: var(--bad); background: var(--bad-ground); }

.hosts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
.host { display: flex; flex-direction: column; gap: 0.6rem; padding: 1rem 1.1rem; background: var(--surface); border: 1px solid var(--line); border-radius: 12px; min-width: 0; }
.host h3 { display: flex; align-items: baseline; gap: 0.6rem; margin: 0; font-size: 1rem; font-weight: 560; }
.host .name { overflow-wrap: anywhere; } .host .badge { margin-left: auto; }
.host p { margin: 0; }
.slots { display: flex; flex-wrap: wrap; align-items: center; gap: 0.3rem 0.8rem; color: var(--soft); }
.slots b { color: var(--text); font-weight: 560; }
.dots { display: flex; flex-wrap: wrap; gap: 4px; }
.dots i { width: 11px; height: 11px; border-radius: 3px; background: var(--track); }
.dots i.busy { background: var(--accent); }
.tasks { margin: 0; padding: 0; list-style: none; }
.tasks li { display: flex; align-items: baseline; gap: 0.5rem; padding: 0.25rem 0; border-top: 1px solid var(--line); }
.tasks a { flex: 0 1 auto; min-width: 3rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tasks small { flex: 1 1 6rem; min-width: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tasks .more, .since { color: var(--soft); white-space: nowrap; }
.facts { display: flex; flex-wrap: wrap; gap: 0 1rem; margin-top: auto; color: var(--soft); font-size: 0.87em; }
.facts span { overflow-wrap: anywhere; } .facts .bad { color: var(--bad); }


@media (max-width: 46rem) {
  .namespace { padding-left: 0.8rem; } nav { order: 3; margin-left: 0; width: 100%; } .connection { margin-left: auto; }
  .figures { grid-template-columns: repeat(2, 1fr); }
  .pools thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .pools, .pools tbody { display: block; }
  .pools tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.5rem 0.8rem; padding: 0.9rem 1.1rem; }
  .pools tr + tr { border-top: 1px solid var(--line); }
  .pools tbody th, .pools tbody td { display: block; padding: 0; border: 0; }
  .pools tbody td.number { text-align: left; }
  .pools tbody th { grid-column: 1 / -1; }
  .pools td::before { content: attr(data-label); display: block; color: var(--soft); font-size: 0.8rem; }
  .usage { max-width: none; }
}
@media (prefers-reduced-motion: no-preference) { .level { transition: width 0.4s; } }
`;
