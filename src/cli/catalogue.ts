import type { Command } from "./command.ts";

/** A command that is loaded when it is called: nobody pays for another one's imports. */
export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
  /** Left out of `tsman help`: another spelling of one that is there. */
  readonly isAlias?: boolean | undefined;
}

/** Commands of commands: `tsman image ls`. */
export interface CommandGroup {
  readonly summary: string;
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

/** All commands and groups by name. */
export interface Catalogue {
  readonly commands: Readonly<Record<string, CommandEntry>>;
  readonly groups: Readonly<Record<string, CommandGroup>>;
}
