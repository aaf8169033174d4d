import { readFileSync, statSync } from "node:fs";
import os from "node:os";
import * as z from "zod/mini";
import { TsmanError } from "../../errors/index.ts";
import type { SeccompAction, SeccompArgument, SeccompOperator } from "../../oci/runtime-spec.ts";
import type { ConditionalRule, SeccompProfile } from "../bundle.ts";

/** The largest profile in use is 40 KB. */
const maxProfileBytes = 1024 * 1024;
const maxErrno = 4095;

const actions: Readonly<Record<SeccompAction, true>> = {
  SCMP_ACT_ALLOW: true,
  SCMP_ACT_ERRNO: true,
  SCMP_ACT_KILL: true,
  SCMP_ACT_KILL_PROCESS: true,
  SCMP_ACT_KILL_THREAD: true,
  SCMP_ACT_LOG: true,
  SCMP_ACT_TRAP: true,
};
const operators: Readonly<Record<SeccompOperator, true>> = {
  SCMP_CMP_NE: true,
  SCMP_CMP_LT: true,
  SCMP_CMP_LE: true,
  SCMP_CMP_EQ: true,
  SCMP_CMP_GE: true,
  SCMP_CMP_GT: true,
  SCMP_CMP_MASKED_EQ: true,
};

// Names reach the compiler as words of a line: nothing else may be in them.
const syscallName = z.string().check(z.regex(/^[a-z0-9_]{1,64}$/));
const action = z
  .string()
  .check(z.refine((text) => Object.hasOwn(actions, text), "is no action that tsman has"));
const errnoNumber = z.int().check(z.minimum(0), z.maximum(maxErrno));
// Exact up to 2^53; a profile that compares larger numbers would be compiled to another rule.
const argumentValue = z.int().check(z.minimum(0));
const texts = z.nullish(z.array(z.string().check(z.maxLength(64))));
const conditions = z.nullish(
  z.object({ caps: texts, arches: texts, minKernel: z.nullish(z.string()) }),
);
const profileSchema = z.object({
  defaultAction: action,
  defaultErrnoRet: z.nullish(errnoNumber),
  defaultErrno: z.nullish(z.string()),
  architectures: z.nullish(z.array(z.string().check(z.regex(/^SCMP_ARCH_[A-Z0-9_]{1,32}$/)))),
  syscalls: z.nullish(
    z.array(
      z.object({
        name: z.nullish(syscallName),
        names: z.nullish(z.array(syscallName)),
        action,
        errnoRet: z.nullish(errnoNumber),
        errno: z.nullish(z.string()),
        args: z.nullish(
          z.array(
            z.object({
              index: z.int().check(z.minimum(0), z.maximum(5)),
              value: argumentValue,
              valueTwo: z.nullish(argumentValue),
              op: z
                .string()
                .check(z.refine((text) => Object.hasOwn(operators, text), "is no comparison")),
            }),
          ),
        ),
        includes: conditions,
        excludes: conditions,
      }),
    ),
  ),
});

type ProfileDocument = z.infer<typeof profileSchema>;
type RuleDocument = NonNullable<ProfileDocument["syscalls"]>[number];

/**
 * Reads a profile in the form of Docker, Podman or the OCI configuration.
 *
 * @throws TsmanError USAGE when it cannot be read or says something tsman does not have
 */
export function readSeccompProfile(file: string): SeccompProfile {
  let text: string;
  try {
    if (statSync(file).size > maxProfileBytes) {
      throw invalid(file, `larger than ${maxProfileBytes} bytes`);
    }
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof TsmanError) throw error;
    throw invalid(file, error instanceof Error ? error.message : String(error), error);
  }
  return parseSeccompProfile(text, file);
}

/**
 * Parses a profile; `includes` and `excludes` become the conditions of its rules.
 *
 * @param file Its name, for messages.
 * @throws TsmanError USAGE naming the place in the document
 */
export function parseSeccompProfile(text: string, file: string): SeccompProfile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw invalid(file, error instanceof Error ? error.message : String(error), error);
  }
  const parsed = profileSchema.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined ? "" : `${issue.path.map(String).join(".")}: `;
    throw invalid(file, `${where}${issue?.message ?? "another shape"}`);
  }
  const { defaultAction, architectures, syscalls } = parsed.data;
  const errno = errnoOf(parsed.data.defaultErrnoRet, parsed.data.defaultErrno, file);
  return {
    defaultAction: defaultAction as SeccompAction,
    ...(errno === undefined ? {} : { defaultErrnoRet: errno }),
    ...(architectures == null || architectures.length === 0 ? {} : { architectures }),
    rules: (syscalls ?? []).map((rule) => toRule(rule, file)),
  };
}

function toRule(rule: RuleDocument, file: string): ConditionalRule {
  const errnoRet = errnoOf(rule.errnoRet, rule.errno, file);
  const names = [...(rule.names ?? []), ...(rule.name == null ? [] : [rule.name])];
  const { includes, excludes } = rule;
  return {
    names,
    action: rule.action as SeccompAction,
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(rule.args == null || rule.args.length === 0
      ? {}
      : {
          args: rule.args.map(
            ({ index, value, valueTwo, op }): SeccompArgument => ({
              index,
              value,
              ...(valueTwo == null ? {} : { valueTwo }),
              op: op as SeccompOperator,
            }),
          ),
        }),
    ...(isEmpty(includes?.caps) ? {} : { withCapabilities: includes?.caps ?? [] }),
    ...(isEmpty(excludes?.caps) ? {} : { withoutCapabilities: excludes?.caps ?? [] }),
    ...(isEmpty(includes?.arches) ? {} : { onlyArchitectures: includes?.arches ?? [] }),
    ...(isEmpty(excludes?.arches) ? {} : { exceptArchitectures: excludes?.arches ?? [] }),
    ...(includes?.minKernel == null ? {} : { minKernel: includes.minKernel }),
    ...(excludes?.minKernel == null ? {} : { beforeKernel: excludes.minKernel }),
  };
}

function isEmpty(list: readonly string[] | null | undefined): boolean {
  return list == null || list.length === 0;
}

/** `errnoRet: 38` or Podman's `errno: "ENOSYS"`. */
function errnoOf(
  number: number | null | undefined,
  name: string | null | undefined,
  file: string,
): number | undefined {
  if (name == null || name === "") return number ?? undefined;
  const known = (os.constants.errno as Readonly<Record<string, number>>)[name];
  if (known === undefined) throw invalid(file, `errno ${JSON.stringify(name)} is unknown`);
  return known;
}

function invalid(file: string, why: string, cause?: unknown): TsmanError {
  return new TsmanError("USAGE", `read seccomp profile ${file}: ${why}`, {
    hint: "give a profile in Docker's JSON form with --security-opt seccomp=FILE",
    ...(cause === undefined ? {} : { cause }),
  });
}
