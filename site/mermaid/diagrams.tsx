import { useDark, useLocation } from "@rspress/core/runtime";
import { useEffect } from "react";

/** Letters of 14 px are readable down to this part of their size. */
const LEAST_SCALE = 0.72;
let drawn = 0;

/**
 * Draws the diagrams of the page that is shown, in the colours of the theme, and again when either changes. Mermaid is
 * loaded by the first page that has one. Without JavaScript the page shows the source of the diagram.
 */
// biome-ignore lint/style/noDefaultExport: the generator takes the component of a file from its default export.
export default function Diagrams(): null {
  const isDark = useDark();
  const { pathname } = useLocation();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another page has other diagrams.
  useEffect(() => {
    let isShown = true;
    const places = [...document.querySelectorAll<HTMLElement>(".mermaid-diagram")];
    if (places.length > 0) void draw(places, isDark, () => isShown);
    return () => {
      isShown = false;
    };
  }, [isDark, pathname]);

  return null;
}

async function draw(places: readonly HTMLElement[], isDark: boolean, isShown: () => boolean): Promise<void> {
  const { default: mermaid } = await import("mermaid");
  if (!isShown()) return;
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    theme: "base",
    themeVariables: colours(isDark),
  });
  for (const place of places) {
    drawn += 1;
    const { svg } = await mermaid.render(`diagram-${drawn}`, place.dataset["source"] ?? "");
    if (!isShown()) return;
    place.innerHTML = svg;
    place.dataset["drawn"] = "true";
    keepReadable(place.querySelector("svg"));
  }
}

/** Mermaid shrinks a diagram to the width that there is, and says in its style how wide it would be. */
function keepReadable(diagram: SVGElement | null): void {
  if (diagram) diagram.style.minWidth = `${LEAST_SCALE * Number.parseFloat(diagram.style.maxWidth)}px`;
}

function colours(isDark: boolean): Record<string, string | boolean> {
  const [background, surface, text, line] = isDark
    ? ["#121212", "#1f2937", "#e5e7eb", "#9ca3af"]
    : ["#ffffff", "#f0fdfa", "#1f2937", "#6b7280"];
  return {
    darkMode: isDark,
    fontSize: "14px",
    background,
    primaryColor: surface,
    primaryBorderColor: isDark ? "#2dd4bf" : "#0f766e",
    primaryTextColor: text,
    textColor: text,
    lineColor: line,
    edgeLabelBackground: background,
    labelBackgroundColor: background,
    transitionColor: line,
    transitionLabelColor: text,
    specialStateColor: line,
  };
}
