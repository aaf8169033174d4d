import { expect, it } from "vitest";
import { parseJournalEntry } from "../../../src/container/journal-entry.ts";

const entry = (fields: object): string =>
  JSON.stringify({
    ...{ __CURSOR: "s=1;i=2", __REALTIME_TIMESTAMP: "1700000000000042", PRIORITY: "6" },
    ...{ MESSAGE: "hello", ...fields },
  });

it("takes an entry apart", () => {
  const parsed = parseJournalEntry(entry({}));
  expect(parsed?.cursor).toBe("s=1;i=2");
  expect(parsed?.line).toMatchObject({
    ...{ time: "2023-11-14T22:13:20.000042Z", stream: "stdout", isPartial: false },
  });
  expect(Buffer.from(parsed?.line.text ?? []).toString()).toBe("hello");
});

it("knows standard error, pieces of lines and bytes that are no text", () => {
  const fields = { PRIORITY: "3", CONTAINER_PARTIAL_MESSAGE: "true", MESSAGE: [104, 255, 0] };
  const line = parseJournalEntry(entry(fields))?.line;
  expect(line).toMatchObject({ stream: "stderr", isPartial: true });
  expect([...(line?.text ?? [])]).toEqual([104, 255, 0]);
});

it.each([
  ["-- No entries --"],
  ["null"],
  ["[]"],
  ["{"],
  [entry({ MESSAGE: null })],
  [entry({ MESSAGE: [256] })],
  [entry({ MESSAGE: ["a", "b"] })],
  [entry({ __CURSOR: 1 })],
  [entry({ __REALTIME_TIMESTAMP: "later" })],
  [entry({ __REALTIME_TIMESTAMP: "99999999999999999999" })],
])("leaves %s out", (text) => {
  expect(parseJournalEntry(text)).toBeUndefined();
});
