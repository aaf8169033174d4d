import type { OciContext } from "../../engine/oci/oci-types.ts";
import type { Output } from "../output.ts";
import type { OciArguments, OciOptions } from "./arguments.ts";

/** What a verb of the OCI runtime gets. */
export interface OciVerbContext {
  /**
   * The engine's context.
   *
   * @param interruption ends what takes long; its signal is asked for where that begins.
   */
  readonly oci: (interruption?: { readonly signal: AbortSignal }) => OciContext;
  readonly args: OciArguments;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The caller's working directory. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A verb of the OCI runtime: parse, one call of the engine, render. */
export interface OciVerb {
  /** Its operands, for `--help`: `ID SIGNAL`. */
  readonly operands: string;
  readonly options: OciOptions;
  /** How many operands there must be. */
  readonly least: number;
  /** Missing: as many as there must be; Infinity: what follows them is a program's. */
  readonly most?: number;
  /** @returns the exit status. */
  readonly run: (context: OciVerbContext) => Promise<number> | number;
}
