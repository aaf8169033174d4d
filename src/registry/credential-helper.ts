import { accessSync, constants } from "node:fs";
import path from "node:path";
import * as z from "zod/mini";
import { callerEnvironment, environmentVariable } from "../config/environment.ts";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { type ProgramResult, runProgram } from "../platform/process.ts";
import type { Credentials } from "./credentials.ts";

/** A name that ends up in a program's: no path, no option (case S61). */
const helperName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** Bytes of what a helper says. */
const maxAnswerBytes = 64 * 1024;
/** Milliseconds: a key ring may ask its owner for a password first. */
const patienceMs = 120_000;

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

/** A program that keeps credentials: `docker-credential-NAME`. */
export interface CredentialHelper {
  /** E.g. `docker-credential-pass`. */
  readonly program: string;
  /** @returns undefined if it has nothing for this registry. */
  get(registry: string): Promise<Credentials | undefined>;
  store(registry: string, username: string, password: string): Promise<void>;
  erase(registry: string): Promise<void>;
}

/**
 * Finds a helper on the caller's PATH; the protocol is that of docker/docker-credential-helpers:
 * the verb as argument, everything else through standard input and output.  What it says is never
 * shown, since there may be a secret in it.
 *
 * @param name as in `credsStore` and `credHelpers`
 * @param file where that stands, for messages
 * @throws TsmanError CONFIG_INVALID for what is no name; PREFLIGHT_HELPER for one that is missing
 */
export function findCredentialHelper(name: string, file: string): CredentialHelper {
  if (!helperName.test(name)) {
    throw new TsmanError(
      "CONFIG_INVALID",
      `read credentials ${file}: it names a credential helper that can be none`,
      { hint: "a helper is named by letters, digits, - and _: pass, for docker-credential-pass" },
    );
  }
  const program = `docker-credential-${name}`;
  const found = findOnPath(program);
  if (found === undefined) {
    throw new TsmanError("PREFLIGHT_HELPER", `run ${program}, which ${file} names: not found`, {
      hint: `install ${program} into a directory of PATH, or give --creds or --authfile`,
      details: { program },
    });
  }
  return {
    program,
    get: async (registry) => {
      for (const server of serverNames(registry)) {
        const result = await run(found, "get", server);
        if (result.status === 0) return answerOf(result.stdout, program);
        if (!isNotFound(result)) throw failed(program, "get", registry, result);
      }
      return undefined;
    },
    store: async (registry, username, password) => {
      const [ServerURL = registry] = serverNames(registry);
      const input = JSON.stringify({ ServerURL, Username: username, Secret: password });
      const result = await run(found, "store", input);
      if (result.status !== 0) throw failed(program, "store", registry, result);
    },
    erase: async (registry) => {
      for (const server of serverNames(registry)) {
        const result = await run(found, "erase", server);
        if (result.status !== 0 && !isNotFound(result)) {
          throw failed(program, "erase", registry, result);
        }
      }
    },
  };
}

/** Docker's own name of its Hub comes first: that is what its helpers have. */
function serverNames(registry: string): readonly string[] {
  return registry === "docker.io" ? ["https://index.docker.io/v1/", "docker.io"] : [registry];
}

async function run(program: string, verb: string, input: string): Promise<ProgramResult> {
  return await runProgram(program, [verb], {
    input,
    // It is the user's own program and needs to find the user's key ring, cloud login and so on.
    env: callerEnvironment(),
    timeoutMs: patienceMs,
    maxOutput: maxAnswerBytes,
  });
}

function answerOf(bytes: Buffer, program: string): Credentials {
  const { Username, Secret } = parseDocument(answerSchema, bytes, {
    what: `answer of ${program}`,
    code: "CONFIG_INVALID",
    maxBytes: maxAnswerBytes,
  });
  // What a registry gave at login instead of a password, docker/cli.
  if (Username === "<token>") return { kind: "identity-token", token: Secret };
  return { kind: "password", username: Username, password: Secret };
}

/** The one thing that helpers say in the same words. */
function isNotFound({ stdout }: ProgramResult): boolean {
  return stdout.toString("utf8").trim() === "credentials not found in native keychain";
}

function failed(
  program: string,
  verb: string,
  registry: string,
  { status, signal }: ProgramResult,
): TsmanError {
  const how = signal === null ? `status ${status}` : signal;
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `${verb} credentials of ${registry} with ${program}: it ended with ${how}`,
    {
      hint: `see what it says: echo ${registry} | ${program} get; or give --creds or --authfile`,
      details: { program, registry },
    },
  );
}

/** Relative directories of PATH are left out: what is in the current one may be anybody's. */
function findOnPath(program: string): string | undefined {
  for (const directory of (environmentVariable("PATH") ?? "").split(":")) {
    if (!path.isAbsolute(directory)) continue;
    const candidate = path.join(directory, program);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The next directory.
    }
  }
  return undefined;
}
