import { flag, value } from "../option-spec.ts";
import { parseHealthCommand, parseInterval, parsePeriod, parseTimeout } from "./health.ts";
import { integer, oneOf } from "./scalars.ts";

/** The options that `healthOptions` reads. */
export const healthSpecs = {
  "health-cmd": value({
    metavar: "COMMAND",
    summary: "how to check the container's health, or none",
    parse: parseHealthCommand,
  }),
  "health-interval": value({
    metavar: "DURATION",
    summary: "time between two checks (30s), or disable",
    parse: parseInterval,
  }),
  "health-on-failure": value({
    metavar: "ACTION",
    summary: "for an unhealthy container: none, kill, restart, stop",
    parse: oneOf("none", "kill", "restart", "stop"),
  }),
  "health-retries": value({
    metavar: "N",
    summary: "failures in a row until it is unhealthy (3)",
    parse: integer(1, 1_000_000),
  }),
  "health-start-interval": value({
    metavar: "DURATION",
    summary: "time between two checks within the start period",
    parse: parseTimeout,
  }),
  "health-start-period": value({
    metavar: "DURATION",
    summary: "time in which failures do not count (0s)",
    parse: parsePeriod,
  }),
  "health-startup-cmd": value({
    metavar: "COMMAND",
    summary: "a check that has to succeed first",
    parse: parseHealthCommand,
  }),
  "health-startup-interval": value({
    metavar: "DURATION",
    summary: "time between two of these (30s)",
    parse: parseTimeout,
  }),
  "health-startup-retries": value({
    metavar: "N",
    summary: "failures in a row until a restart (0: none)",
    parse: integer(0, 1_000_000),
  }),
  "health-startup-success": value({
    metavar: "N",
    summary: "successes in a row that it takes (1)",
    parse: integer(0, 1_000_000),
  }),
  "health-startup-timeout": value({
    metavar: "DURATION",
    summary: "longest time of one of these (30s)",
    parse: parseTimeout,
  }),
  "health-timeout": value({
    metavar: "DURATION",
    summary: "longest time of a check (30s)",
    parse: parseTimeout,
  }),
  "no-healthcheck": flag({ summary: "no health check, whatever the image says" }),
} as const;
