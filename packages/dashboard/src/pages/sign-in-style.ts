/** The page that asks for a token: the tokens of the design that it needs, light first and dark second. */
export const signInStyle: string = /* css */ `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f6f3, #141614); --surface: light-dark(#ffffff, #1c1f1d); --hover: light-dark(#f4f4ef, #232725);
  --line: light-dark(#e4e3dd, #2d322f); --control: light-dark(#85867c, #747b75);
  --text: light-dark(#22231f, #e7e8e2); --soft: light-dark(#5a5b53, #aaada4);
  --accent: light-dark(#1f605b, #7cc4bb); --accent-strong: light-dark(#174b47, #9ad6ce); --on-accent: light-dark(#ffffff, #0f1f1d);
  --bad-ground: light-dark(#fceae7, #311f1d); --bad-line: light-dark(#e8b0a9, #6b3c37); --focus: light-dark(#1f605b, #9ad6ce);
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
  --hit: 40px;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
@media (pointer: coarse) { :root { --hit: 44px; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px; background: var(--ground); color: var(--text); font: 14px/1.45 var(--sans); }
main { display: grid; gap: 20px; width: 100%; max-width: 400px; }
.brand { display: flex; align-items: center; gap: 10px; font-size: 15px; font-weight: 620; }
.brand img { display: block; width: 26px; height: 26px; }
form { display: grid; gap: 14px; padding: 24px; background: var(--surface); border: 1px solid var(--line); border-radius: 11px; }
h1 { margin: 0; font-size: 21px; font-weight: 620; line-height: 1.25; }
p { margin: 0; color: var(--soft); }
code { font: 12.5px/1.4 var(--mono); color: var(--text); }
.note { padding: 10px 13px; border: 1px solid var(--bad-line); border-radius: 7px; background: var(--bad-ground); color: var(--text); }
.field { display: grid; gap: 4px; }
label { font-weight: 540; }
input[type="password"] { min-height: var(--hit); padding: 0 12px; border: 1px solid var(--control); border-radius: 7px; background: var(--surface); color: var(--text); font: inherit; font-size: 16px; width: 100%; }
button { min-height: var(--hit); padding: 0 12px; border: 1px solid var(--accent); border-radius: 7px; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 540; cursor: pointer; }
button:hover { background: var(--accent-strong); border-color: var(--accent-strong); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
@media (forced-colors: active) { form, .note, button { border: 1px solid CanvasText; } }
`;
