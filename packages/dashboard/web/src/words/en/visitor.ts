export const visitor = {
  roles: { viewer: "viewer", operator: "operator", admin: "admin" },
  anyone: "anyone on this machine",
  onlyReading: "read-only",
  signOut: "Sign out",
  readOnly: "This dashboard is read-only.",
  needs: (needed: string, yours: string) => `This needs the role ${needed}; yours is ${yours}.`,
};
