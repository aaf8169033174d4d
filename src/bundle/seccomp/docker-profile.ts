import { readFileSync, statSync } from "node:fs";
import os from "node:os";
import * as z from "zod/mini";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type {
  SeccompAction,
  SeccompArgument,
  SeccompFlag,
  SeccompOperator,
} from "../../oci/runtime-spec.ts";
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
  SCMP_ACT_NOTIFY: true,
  SCMP_ACT_TRACE: true,
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
const filterFlags: Readonly<Record<SeccompFlag, true>> = {
  SECCOMP_FILTER_FLAG_TSYNC: true,
  SECCOMP_FILTER_FLAG_LOG: true,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: true,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: true,
};

function oneOf<T extends string>(known: Readonly<Record<T, true>>, what: string) {
  return z.string(`should be ${what}`).check(
    z.refine((text) => Object.hasOwn(known, text), {
      error: ({ input }) => `${JSON.stringify(input)} is no ${what} that tsman has`,
    }),
  );
}

function matching(pattern: RegExp, what: string) {
  return z.string(`should be ${what}`).check(z.regex(pattern, `should be ${what}`));
}

function wholeNumber(most: number, what: string) {
  const error = `should be ${what}`;
  return z.int(error).check(z.minimum(0, error), z.maximum(most, error));
}

// Names reach the compiler as words of a line: nothing else may be in them.
const syscallName = matching(/^[a-z0-9_]{1,64}$/, "the name of a system call");
const architecture = matching(/^SCMP_ARCH_[A-Z0-9_]{1,32}$/, "an architecture, SCMP_ARCH_…");
const action = oneOf(actions, "action");
const errnoNumber = wholeNumber(maxErrno, `an error number from 0 to ${maxErrno}`);
const text = z.nullish(z.string("should be text"));
// Exact up to 2^53; a profile that compares larger numbers would be compiled to another rule.
const argumentValue = wholeNumber(Number.MAX_SAFE_INTEGER, "a whole number from 0 to 2^53 - 1");
const texts = z.nullish(z.array(z.string("should be text").check(z.maxLength(64))));
const conditions = z.nullish(
  z.strictObject({
    caps: texts,
    arches: texts,
    minKernel: z.nullish(matching(/^\d{1,4}\.\d{1,4}$/, 'a kernel version such as "4.8"')),
  }),
);
// What tsman does not know is refused: a condition that is left out makes a wall with a hole.
const profileSchema = z.strictObject({
  comment: text,
  defaultAction: action,
  defaultErrnoRet: z.nullish(errnoNumber),
  defaultErrno: text,
  architectures: z.nullish(z.array(architecture)),
  archMap: z.nullish(
    z.array(z.strictObject({ architecture, subArchitectures: z.nullish(z.array(architecture)) })),
  ),
  flags: z.nullish(z.array(oneOf(filterFlags, "flag"))),
  listenerPath: z.nullish(matching(/^\/[^\0]{0,106}$/, "an absolute path of at most 107 bytes")),
  listenerMetadata: text,
  syscalls: z.nullish(
    z.array(
      z.strictObject({
        name: z.nullish(z.union([z.literal(""), syscallName])),
        names: z.nullish(z.array(syscallName)),
        action,
        errnoRet: z.nullish(errnoNumber),
        errno: text,
        comment: text,
        args: z.nullish(
          z.array(
            z.nullable(
              z.strictObject({
                index: wholeNumber(5, "the number of an argument, 0 to 5"),
                value: argumentValue,
                valueTwo: z.nullish(argumentValue),
                op: oneOf(operators, "comparison"),
              }),
            ),
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

/** Podman's name for it. */
const imageLabel = "io.containers.seccomp.profile";

/**
 * Reads the profile that an image brings.
 *
 * @throws TsmanError USAGE as {@link readSeccompProfile}, and for one that names a listener: whom
 * the host speaks to is not the image's to say
 */
export function readImageProfile(
  labels: Readonly<Record<string, string>>,
  image: string,
): SeccompProfile {
  const text = Object.hasOwn(labels, imageLabel) ? labels[imageLabel] : undefined;
  if (text === undefined || text === "") {
    throw new TsmanError(
      "USAGE",
      `use --seccomp-policy image: ${image} has no label ${imageLabel}`,
      { hint: "leave it out: the default filter is used then" },
    );
  }
  const name = `label ${imageLabel} of ${image}`;
  try {
    const profile = parseSeccompProfile(text, name);
    if (profile.listenerPath === undefined && profile.listenerMetadata === undefined) {
      return profile;
    }
    throw invalid(name, "/listenerPath: an image may not name one");
  } catch (error) {
    if (!isTsmanError(error)) throw error;
    const hint = "leave --seccomp-policy out, or give a profile with --security-opt seccomp=FILE";
    throw new TsmanError(error.code, error.message, { hint, cause: error });
  }
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
  if (!parsed.success) throw invalid(file, describeIssue(parsed.error.issues[0]));
  const profile = parsed.data;
  const { defaultAction, architectures, archMap, flags, listenerPath, listenerMetadata } = profile;
  const errno = errnoOf(profile.defaultErrnoRet, profile.defaultErrno, "", file);
  if (!isEmpty(architectures) && !isEmpty(archMap)) {
    throw invalid(file, "/archMap: there is /architectures too, and only one of them can count");
  }
  return checkNotification(
    {
      defaultAction: defaultAction as SeccompAction,
      ...(errno === undefined ? {} : { defaultErrnoRet: errno }),
      ...(isEmpty(architectures) ? {} : { architectures: architectures ?? [] }),
      ...(isEmpty(archMap)
        ? {}
        : {
            families: (archMap ?? []).map(({ architecture: native, subArchitectures }) => ({
              architecture: native,
              subArchitectures: subArchitectures ?? [],
            })),
          }),
      ...(isEmpty(flags) ? {} : { flags: flags as SeccompFlag[] }),
      ...(listenerPath == null ? {} : { listenerPath }),
      ...(listenerMetadata == null ? {} : { listenerMetadata }),
      rules: (profile.syscalls ?? []).map((rule, index) => toRule(rule, index, file)),
    },
    file,
  );
}

/** With these the filter's descriptor is handed on, under that filter: nobody would ever answer. */
const neverNotified = new Set(["sendmsg", "socketcall"]);

/** What has to be true of a profile that asks somebody: runtime-spec/config-linux.md, "Seccomp". */
function checkNotification(profile: SeccompProfile, file: string): SeccompProfile {
  if (profile.defaultAction === "SCMP_ACT_NOTIFY") {
    throw invalid(file, "/defaultAction: SCMP_ACT_NOTIFY is for single system calls");
  }
  const asked = profile.rules.findIndex(({ action: one }) => one === "SCMP_ACT_NOTIFY");
  if (asked < 0) {
    if (profile.flags?.includes("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") === true) {
      throw invalid(file, "/flags: WAIT_KILLABLE_RECV is for SCMP_ACT_NOTIFY, which no rule has");
    }
    return profile;
  }
  if (profile.listenerPath === undefined) {
    throw invalid(file, `/syscalls/${asked}/action: SCMP_ACT_NOTIFY needs a listenerPath`);
  }
  profile.rules.forEach((rule, index) => {
    const name = rule.names.find((one) => neverNotified.has(one));
    if (rule.action === "SCMP_ACT_NOTIFY" && name !== undefined) {
      throw invalid(
        file,
        `/syscalls/${index}/names: ${name} is needed to reach the listener, so it cannot ask it`,
      );
    }
  });
  return profile;
}

/** Where (RFC 6901), and what is wrong there. */
function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "it has another shape";
  const where = issue.path.map((part) => `/${String(part)}`).join("");
  if (issue.code === "unrecognized_keys") {
    return `${where}/${issue.keys[0]}: tsman does not know this member`;
  }
  return `${where === "" ? "the document" : where}: ${issue.message}`;
}

function toRule(rule: RuleDocument, index: number, file: string): ConditionalRule {
  const where = `/syscalls/${index}`;
  const errnoRet = errnoOf(rule.errnoRet, rule.errno, where, file);
  const hasName = rule.name != null && rule.name !== "";
  if (hasName && !isEmpty(rule.names)) {
    throw invalid(file, `${where}/name: there is ${where}/names too, and only one can count`);
  }
  const names = hasName ? [rule.name ?? ""] : (rule.names ?? []);
  const { includes, excludes } = rule;
  const conditions = (rule.args ?? []).filter((one) => one !== null);
  return {
    names,
    action: rule.action as SeccompAction,
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(conditions.length === 0
      ? {}
      : {
          args: conditions.map(
            ({ index: argument, value, valueTwo, op }): SeccompArgument => ({
              index: argument,
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

function isEmpty(list: readonly unknown[] | null | undefined): boolean {
  return list == null || list.length === 0;
}

/** `errnoRet: 38` or Podman's `errno: "ENOSYS"`. */
function errnoOf(
  number: number | null | undefined,
  name: string | null | undefined,
  where: string,
  file: string,
): number | undefined {
  if (name == null || name === "") return number ?? undefined;
  const known = (os.constants.errno as Readonly<Record<string, number>>)[name];
  if (known === undefined)
    throw invalid(
      file,
      `${where}/${where === "" ? "defaultErrno" : "errno"}: ${JSON.stringify(name)} is unknown`,
    );
  return known;
}

function invalid(file: string, why: string, cause?: unknown): TsmanError {
  return new TsmanError("USAGE", `read seccomp profile ${file}: ${why}`, {
    hint: "give a profile in Docker's JSON form with --security-opt seccomp=FILE",
    ...(cause === undefined ? {} : { cause }),
  });
}
