/**
 * The body of a PAX extended header: `LENGTH KEY=VALUE\n`, where the length counts itself.  Texts
 * are byte strings.
 */
export function encodePaxRecords(
  records: readonly (readonly [key: string, value: string | Buffer])[],
): Buffer {
  return Buffer.concat(
    records.map(([key, value]) => {
      const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
      const rest = Buffer.concat([
        Buffer.from(` ${key}=`, "latin1"),
        bytes,
        Buffer.from("\n", "latin1"),
      ]);
      let length = rest.length;
      while (String(length).length + rest.length !== length) {
        length = String(length).length + rest.length;
      }
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}
