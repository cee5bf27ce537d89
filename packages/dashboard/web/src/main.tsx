import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries.ts";
import { followEvents } from "./live/live.ts";
import { router } from "./router.tsx";
import { currentSettings, onSettings } from "./settings.ts";
import { speak } from "./words/index.ts";
import "./styles/index.css";

/** The printed address was opened by a visitor who is signed in already, in a new tab or in this one. */
function hideToken(): void {
  if (location.hash.startsWith("#token=")) history.replaceState(history.state, "", location.pathname + location.search);
}
addEventListener("hashchange", hideToken);
hideToken();
followEvents();
onSettings(() => void speak(currentSettings().language));
await speak();
const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
