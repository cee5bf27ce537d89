/** The credentials of an `Authorization: Bearer …` header; undefined when it is absent or of another kind. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}
