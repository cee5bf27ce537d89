// Before the first paint: the theme that was chosen in the settings.
try {
  const { theme } = JSON.parse(localStorage.getItem("manyhands-settings") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // What is stored cannot be read: the theme of the system.
}
