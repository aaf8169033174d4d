import { isObject, show } from "./values.ts";

/** Go's fmt.Sprint: spaces between operands when neither is a text. */
export function formatPrint(values: readonly unknown[]): string {
  return values
    .map((value, index) => {
      const isBesideText = typeof value === "string" || typeof values[index - 1] === "string";
      return `${index === 0 || isBesideText ? "" : " "}${show(value)}`;
    })
    .join("");
}

/** A verb with its flags: `%-10s`, `%05d`, `%.2f`. */
interface Verb {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly letter: string;
}

const verbs = /%([-+# 0]*)(\d{1,4}|\*)?(?:\.(\d{1,4}|\*)?)?([\s\S])?/gu;

/** Go's fmt.Sprintf, its complaints included: `%!d(string=x)`; https://pkg.go.dev/fmt. */
export function formatPrintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const take = (): unknown => {
    next += 1;
    return values[next - 1];
  };
  const amount = (text: string | undefined): number | undefined => {
    if (text !== "*") return text === undefined ? undefined : Number(text);
    const value = take();
    return typeof value === "number" ? Math.min(Math.trunc(value), 9999) : undefined;
  };
  const result = format.replace(verbs, (whole, given: string, width, precision, letter) => {
    if (letter === undefined) return "%!(NOVERB)";
    if (letter === "%") return "%";
    const wide = amount(width) ?? 0;
    const verb: Verb = {
      flags: wide < 0 ? `${given}-` : given,
      width: Math.abs(wide),
      precision: whole.includes(".") ? (amount(precision) ?? 0) : undefined,
      letter,
    };
    if (next >= values.length) return `%!${letter}(MISSING)`;
    return padded(formatValue(take(), verb), verb);
  });
  if (next >= values.length) return result;
  const extra = values.slice(next).map((value) => `${typeName(value)}=${show(value)}`);
  return `${result}%!(EXTRA ${extra.join(", ")})`;
}

function formatValue(value: unknown, verb: Verb): string {
  const { letter } = verb;
  if (letter === "v") return show(value);
  if (letter === "T") return typeName(value);
  // As Go: a verb goes to the elements.
  if (Array.isArray(value)) return `[${value.map((item) => formatValue(item, verb)).join(" ")}]`;
  const formatted =
    typeof value === "string"
      ? formatText(value, verb)
      : typeof value === "number"
        ? formatNumber(value, verb)
        : typeof value === "boolean" && letter === "t"
          ? String(value)
          : undefined;
  if (formatted !== undefined) return formatted;
  return value === null || value === undefined
    ? `%!${letter}(<nil>)`
    : `%!${letter}(${typeName(value)}=${show(value)})`;
}

function formatText(value: string, { letter, precision, flags }: Verb): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join("");
  if (letter === "s") return cut;
  if (letter === "q")
    return flags.includes("#") && !cut.includes("`") ? `\`${cut}\`` : goQuote(cut);
  if (letter !== "x" && letter !== "X") return undefined;
  const digits = Buffer.from(cut).toString("hex");
  return letter === "x" ? digits : digits.toUpperCase();
}

const bases: Readonly<Record<string, number>> = { b: 2, o: 8, d: 10, x: 16, X: 16 };

function formatNumber(value: number, { letter, precision, flags }: Verb): string | undefined {
  const sign = value < 0 ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const size = Math.abs(value);
  const base = bases[letter];
  if (base !== undefined) {
    // Go refuses whole-number verbs for fractions.
    if (!Number.isInteger(value)) return undefined;
    const digits = size.toString(base).padStart(precision ?? 0, "0");
    const prefix = flags.includes("#") && base === 16 ? "0x" : "";
    return sign + (letter === "X" ? (prefix + digits).toUpperCase() : prefix + digits);
  }
  switch (letter) {
    case "c":
      return Number.isInteger(value) && size <= 0x10ffff ? String.fromCodePoint(size) : "\ufffd";
    case "q":
      return Number.isInteger(value) && size <= 0x10ffff
        ? `'${String.fromCodePoint(size)}'`
        : undefined;
    case "U":
      return Number.isInteger(value)
        ? `U+${size.toString(16).toUpperCase().padStart(4, "0")}`
        : undefined;
    case "f":
    case "F":
      return sign + size.toFixed(Math.min(precision ?? 6, 100));
    case "e":
    case "E": {
      const text = size.toExponential(Math.min(precision ?? 6, 100));
      const exponent = text.replace(/e([+-])(\d)$/, "e$10$2");
      return sign + (letter === "E" ? exponent.toUpperCase() : exponent);
    }
    case "g":
    case "G":
      return (
        sign + (precision === undefined ? `${size}` : `${Number(size.toPrecision(precision || 1))}`)
      );
    default:
      return undefined;
  }
}

function padded(text: string, { flags, width, letter }: Verb): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0") || letter === "s" || letter === "v" || letter === "q") {
    return " ".repeat(missing) + text;
  }
  // Zeros go behind the sign.
  const [, sign = "", digits = text] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  return sign + "0".repeat(missing) + digits;
}

/** A text as Go's strconv.Quote writes it. */
function goQuote(value: string): string {
  const escaped = JSON.stringify(value).replace(
    /\\u00([\da-f]{2})|[\x7f-\x9f]/g,
    (found, digits?: string) =>
      `\\x${digits ?? found.charCodeAt(0).toString(16)}`
        .replace("\\x0b", "\\v")
        .replace("\\x07", "\\a"),
  );
  return escaped;
}

function typeName(value: unknown): string {
  if (value === undefined || value === null) return "<nil>";
  if (Array.isArray(value))
    return value.every((item) => typeof item === "string") ? "[]string" : "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}
