import { defineCommand } from "../cli/command.ts";
import { flag, text, texts, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { warningsTo } from "../cli/render/error.ts";
import { writeResultFile } from "../cli/result-file.ts";

/** `tsman commit` */
export const commit = defineCommand({
  name: "commit",
  usage: "[OPTIONS] CONTAINER [IMAGE]",
  summary: "make an image of a container, running or not; without its volumes",
  examples: [
    "tsman commit web localhost/web:changed",
    `tsman commit --change 'CMD ["httpd", "-f"]' --author me web site`,
  ],
  options: {
    author: text({ char: "a", metavar: "NAME", summary: "who made it" }),
    change: texts({
      char: "c",
      metavar: "INSTRUCTION",
      summary: "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR",
    }),
    format: value({
      char: "f",
      metavar: "oci|docker",
      summary: "of its documents",
      parse: oneOf("oci", "docker"),
    }),
    iidfile: text({ metavar: "FILE", summary: "write the image id there" }),
    "include-volumes": flag({ summary: "its volumes become volumes of the image, without files" }),
    message: text({ char: "m", metavar: "TEXT", summary: "what was changed, for its history" }),
    pause: flag({ char: "p", summary: "pause it meanwhile" }),
    quiet: flag({ char: "q", summary: "no warnings" }),
    squash: flag({ char: "s", summary: "one layer with everything" }),
  },
  positionals: { min: 1, max: 2, noun: "container" },
  async run({ values, positionals }, context) {
    const [name = "", image] = positionals;
    const engine = await context.openEngine();
    const { containers } = engine;
    const isPaused = values.pause && (await containers.find(name))?.state === "running";
    await using resumed = new AsyncDisposableStack();
    if (isPaused) {
      await containers.pause(name);
      resumed.defer(async () => await containers.unpause(name));
    }
    const { id } = await containers.commit(name, {
      image,
      author: values.author,
      message: values.message,
      changes: values.change,
      format: values.format,
      squash: values.squash,
      includeVolumes: values["include-volumes"],
      signal: context.interruption(),
      onWarning: (message) => {
        if (values.quiet) return;
        warningsTo(context.stderr)(message);
      },
    });
    // As Podman: without the algorithm.
    const digits = id.replace(/^sha256:/, "");
    if (values.iidfile !== undefined) writeResultFile(values.iidfile, digits, "image id");
    context.stdout.write(`${digits}\n`);
    return 0;
  },
});
