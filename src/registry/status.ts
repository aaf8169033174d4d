import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { readExcerpt } from "./body.ts";
import { printable, RetryableError } from "./failure.ts";
import { parseRetryAfter } from "./retry.ts";
import type { RegistryAccess } from "./settings.ts";
import type { HttpResponse } from "./transport.ts";

/** The error body of distribution-spec, "Error Codes". */
const errorBodySchema = z.object({
  errors: z.array(z.object({ code: z.optional(z.string()), message: z.nullish(z.string()) })),
});

/** Bytes of an error page that are looked at. */
const maxErrorBytes = 64 * 1024;

/** What {@link statusError} tells the reader about. */
export interface StatusContext {
  /** Verb and object: "fetch manifest docker.io/library/alpine:latest". */
  readonly what: string;
  /** The registry as in references, for hints. */
  readonly registry: string;
  /** `registry/repository`, for hints. */
  readonly name: string;
  /** Whether credentials went along. */
  readonly hasCredentials: boolean;
  /** Further facts about credentials, e.g. why they were not sent. */
  readonly remark?: string | undefined;
  /** What was wanted of the repository. */
  readonly access: RegistryAccess;
}

/**
 * What an answer that is no success means; reads (a part of) its body.
 *
 * @returns a RetryableError if the same request may well succeed later, else a TsmanError
 */
export async function statusError(
  response: HttpResponse,
  context: StatusContext,
): Promise<TsmanError | RetryableError> {
  const said = registryMessage(await readExcerpt(response, maxErrorBytes));
  const { status, url } = response;
  const { what, registry, name, hasCredentials, remark, access } = context;
  const details = { host: url.host, status };
  const tail = said === "" ? "" : ` (${said})`;
  const extra = remark === undefined ? "" : `; ${remark}`;
  switch (true) {
    case status === 401:
      return new TsmanError(
        "REGISTRY_AUTH",
        hasCredentials
          ? `${what}: ${registry} does not accept the credentials${tail}${extra}`
          : `${what}: ${registry} wants credentials, or there is no such repository${tail}${extra}`,
        { hint: deniedHint(context), details },
      );
    case status === 403:
      return new TsmanError(
        "REGISTRY_DENIED",
        `${what}: ${registry} refuses access${tail}${extra}`,
        { hint: deniedHint(context), details },
      );
    case status === 404:
      return new TsmanError("REGISTRY_NOT_FOUND", `${what}: ${registry} does not have it${tail}`, {
        hint:
          access === "push"
            ? `check the spelling of ${name}; some registries want a repository or project to be made first`
            : "check the spelling of the name and the tag",
        details,
      });
    case status === 405 && access === "push":
      return new TsmanError("REGISTRY_DENIED", `${what}: ${registry} takes no pushes${tail}`, {
        hint: "it may be a mirror or a cache: push to the registry behind it",
        details,
      });
    case status === 413 || status === 507:
      return new TsmanError(
        "REGISTRY_DENIED",
        `${what}: that is more than ${url.host} accepts${tail}`,
        {
          hint: `ask for a larger quota of ${name}, or for a larger limit of a proxy before ${url.host}`,
          details,
        },
      );
    case status === 429: {
      const retryAfterMs = parseRetryAfter(response.header("retry-after"), Date.now());
      const limit = limitText(response.header("ratelimit-limit"));
      const error = rateLimitError(context, limit + tail, retryAfterMs, details);
      // Without a date to wait for, asking again at once only prolongs the limit.
      return retryAfterMs === undefined ? error : new RetryableError(error, retryAfterMs);
    }
    case status === 408 || status === 425 || status >= 500: {
      const error = new TsmanError(
        "REGISTRY_UNREACHABLE",
        `${what}: ${url.host} answers ${status}${tail}`,
        { hint: `${url.host} has a problem of its own: try again later`, details },
      );
      if (status === 501 || status === 505) return error;
      return new RetryableError(error, parseRetryAfter(response.header("retry-after"), Date.now()));
    }
    default:
      return new TsmanError("REGISTRY_RESPONSE", `${what}: ${url.host} answers ${status}${tail}`, {
        details,
      });
  }
}

function rateLimitError(
  { what, registry, hasCredentials }: StatusContext,
  tail: string,
  retryAfterMs: number | undefined,
  details: { host: string; status: number },
): TsmanError {
  const wait =
    retryAfterMs === undefined ? "try again later" : `try again in ${waitText(retryAfterMs)}`;
  return new TsmanError(
    "REGISTRY_RATE_LIMIT",
    `${what}: ${registry} limits how often it is asked${tail}`,
    {
      hint: [
        wait,
        ...(hasCredentials ? [] : [`log in, which raises the limit: tsman login ${registry}`]),
        `have a mirror asked, by a line in config.toml: ${mirrorLine(registry)}`,
      ].join("; or "),
      details: {
        ...details,
        ...(retryAfterMs !== undefined && { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) }),
      },
    },
  );
}

/** What the header says of the limit, as text; draft-polli-ratelimit-headers, Docker Hub's way. */
function limitText(header: string | undefined): string {
  const [, count, seconds] = /^(\d{1,9})(?:;w=(\d{1,9}))?$/.exec(header ?? "") ?? [];
  if (count === undefined) return "";
  return seconds === undefined
    ? ` (${count} times)`
    : ` (${count} times in ${spanText(Number(seconds))})`;
}

function spanText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} hours`;
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`;
}

/** What has a mirror asked first; Docker Hub has a public one. */
function mirrorLine(registry: string): string {
  const mirror = registry === "docker.io" ? "mirror.gcr.io" : "MIRROR";
  return `registry = [{ prefix = "${registry}", mirror = [{ location = "${mirror}" }] }]`;
}

function waitText(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

/** What to do when the registry knows who asks, or does not want to know, and refuses. */
function deniedHint({ registry, name, hasCredentials, access }: StatusContext): string {
  // No repository is meant: it is a login.
  if (hasCredentials && name === registry) return loginHint(registry, true);
  return hasCredentials
    ? `check that the credentials for ${registry} are right and may ${access} ${name}`
    : loginHint(registry, false);
}

/** What to do about missing or wrong credentials. */
export function loginHint(registry: string, hasCredentials: boolean): string {
  return hasCredentials
    ? `check the user name and password for ${registry}, and log in again: tsman login ${registry}`
    : `check the name; if it is private, log in: tsman login ${registry}, or give --creds USER:PASSWORD`;
}

/** Codes and messages of an error body, as one short line; "" if it is something else. */
function registryMessage(body: string): string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return "";
  }
  const parsed = z.safeParse(errorBodySchema, value);
  if (!parsed.success) return "";
  return parsed.data.errors
    .slice(0, 3)
    .map(({ code, message }) => printable([code, message].filter(Boolean).join(": "), 160))
    .filter((line) => line !== "")
    .join("; ");
}
