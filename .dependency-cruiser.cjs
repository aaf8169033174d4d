// The layers of src/ (CONTRIBUTING.md, "Map").  A layer may import itself and what stands below it:
//
//   commands → cli → engine → { services } → { oci config } → platform → errors
//
// Services do not import each other; `engine` composes them.  Types are excepted between services,
// because a type is a contract and leaves nothing behind at run time.

const { Visitor } = require("@swc/core/Visitor.js");

// TypeScript 7 has no parser API that dependency-cruiser could use yet, so swc reads our sources; its
// visitor does not know `using` and `await using`.
const { visitStatement, visitPattern } = Visitor.prototype;
Visitor.prototype.visitStatement = function (statement) {
  return statement.type === "UsingDeclaration"
    ? this.visitVariableDeclaration({ ...statement, declarations: statement.decls })
    : visitStatement.call(this, statement);
};
Visitor.prototype.visitPattern = function (pattern) {
  return pattern.type === "UsingDeclaration"
    ? this.visitVariableDeclaration({ ...pattern, declarations: pattern.decls })
    : visitPattern.call(this, pattern);
};

const layers = [
  ["commands"],
  ["cli"],
  ["engine"],
  [
    "registry",
    "trust",
    "store",
    "layer",
    "transport",
    "bundle",
    "container",
    "runtime",
    "network",
    "rootless",
    "cgroup",
  ],
  ["oci", "config"],
  ["platform"],
  ["errors"],
];
const services = layers[3];

const folder = (names) => `^src/(${names.join("|")})/`;

/** One rule per layer: nothing above it may be imported from it. */
const downOnly = layers.slice(1).map((names, index) => ({
  name: `${names === services ? "services" : names.join("-")}-import-down-only`,
  comment: "Imports point down only; what two layers share belongs in the lower one.",
  severity: "error",
  from: {
    path: folder(names),
    // The table of commands is the one place that knows them by name, and loads them lazily.
    pathNot: "^src/cli/(main|command-table|[a-z]+-commands)\\.ts$",
  },
  to: { path: folder(layers.slice(0, index + 1).flat()) },
}));

const confined = (name, pattern, homes, comment) => ({
  name: `confine-${name}`,
  comment,
  severity: "error",
  from: { path: "^src/", pathNot: folder(homes) },
  to: { path: pattern },
});

module.exports = {
  forbidden: [
    ...downOnly,
    ...services.map((service) => ({
      name: `service-${service}-stands-alone`,
      comment: "Services do not import each other (types excepted): engine composes them.",
      severity: "error",
      from: { path: folder([service]) },
      to: {
        path: folder(services.filter((other) => other !== service)),
        dependencyTypesNot: ["type-only"],
      },
    })),
    {
      name: "oci-is-pure",
      comment: "oci holds shapes and rules of the specifications: no input or output, no config.",
      severity: "error",
      from: { path: folder(["oci"]) },
      to: {
        path: "^(node:)?(fs|net|http|https|child_process|dgram|tls)($|/)|^src/(config|platform)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "no-cycles",
      comment: "Two modules that need each other are one module, or miss a third.",
      severity: "error",
      from: { path: "^src/" },
      // A lazy import runs when both modules are complete, a type never runs at all.
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only", "dynamic-import"] } },
    },
    {
      name: "product-does-not-import-tests",
      comment: "What src and images need in order to run must not live in test.",
      severity: "error",
      from: { path: "^(src|images)/" },
      to: { path: "^test/" },
    },
    {
      name: "not-to-dev-dependency",
      comment: "What src imports has to be there for its users.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "not-to-unresolvable",
      comment: "An import that leads nowhere fails for the first user who gets there.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    confined("oclif", "node_modules/@oclif/", ["commands", "cli"], "Only the CLI knows oclif."),
    confined("undici", "node_modules/undici/", ["registry"], "HTTP is the registry client's."),
    confined("tar-stream", "node_modules/tar-stream/", ["layer"], "Archives are the layers'."),
    confined("smol-toml", "node_modules/smol-toml/", ["config"], "Configuration is config's."),
    confined("sigstore", "node_modules/@sigstore/", ["trust"], "Signatures are verified in trust."),
    confined("koffi", "node_modules/koffi/", ["platform"], "libc is called from platform only."),
    confined("sqlite", "^(node:)?sqlite$", ["store"], "The store owns the database."),
    confined(
      "child-process",
      "^(node:)?child_process$",
      ["platform"],
      "Programs are started by platform only, which never uses a shell.",
    ),
    {
      name: "zod-mini-only",
      comment: "The full zod entry costs every command 60 ms of start; zod/mini is 35 KB.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "node_modules/zod/", pathNot: "node_modules/zod/(v4/)?mini/" },
    },
  ],
  options: {
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|native)/" },
    moduleSystems: ["es6", "cjs"],
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
