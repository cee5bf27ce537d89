import { UsageError } from "./usage-error.ts";

/** The options that say where a command listens, and what they are. */
export interface ListenAddress {
  portOption: string;
  port: number;
  /** How to get a free port: ends "choose another port, or …". */
  freePort: string;
  /** Absent where the address cannot be chosen. */
  addressOption?: string;
  address: string;
}

/**
 * The error for a port or an address that a command cannot listen on, in the same words for all commands: it names the
 * option. Null for any other error.
 */
export function addressError(error: unknown, where: ListenAddress): UsageError | null {
  const { portOption, port, freePort, addressOption, address } = where;
  switch (systemCode(error)) {
    case "EADDRINUSE":
      return new UsageError(
        `${portOption} ${port} is in use by another program on ${address}; choose another port, or ${freePort}`,
        { cause: error },
      );
    case "EACCES":
      return new UsageError(
        `${portOption} ${port} needs rights that this user does not have; choose a port from 1024, or ${freePort}`,
        { cause: error },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      if (addressOption === undefined) return null;
      return new UsageError(
        `${addressOption} "${address}" is no address of this machine; choose one that it has, 127.0.0.1, or 0.0.0.0 for all`,
        { cause: error },
      );
    default:
      return null;
  }
}

/** The code of the failed system call that is at the bottom of an error. */
function systemCode(error: unknown): string | undefined {
  const { cause, code, syscall } = (error ?? {}) as { cause?: unknown; code?: string; syscall?: string };
  if (cause !== undefined) return systemCode(cause);
  return syscall === "listen" || syscall === "bind" || syscall === "getaddrinfo" ? code : undefined;
}
