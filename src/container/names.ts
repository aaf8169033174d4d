import { TsmanError } from "../errors/index.ts";
import { randomBytes, randomHex } from "../platform/random.ts";

/** Podman's grammar of names; anything else could travel into paths (security case S32). */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const maxNameLength = 253;

/** Throws NAME_INVALID unless `name` is usable as a container's name. */
export function assertContainerName(name: string): void {
  if (name.length <= maxNameLength && namePattern.test(name)) return;
  const why =
    name.length > maxNameLength
      ? `${name.length} characters, at most ${maxNameLength}`
      : `does not match ${namePattern.source}`;
  throw new TsmanError("NAME_INVALID", `use container name ${JSON.stringify(name)}: ${why}`, {
    hint: "use letters, digits, '_', '.' and '-', beginning with a letter or digit",
  });
}

/** A new container id: 64 hexadecimal digits, as Podman's and Docker's. */
export function newContainerId(): string {
  return randomHex(32);
}

const adjectives =
  "agile amber bold brave breezy bright brisk calm candid clever cosy crisp daring deft eager early " +
  "fair fleet fond frank fresh gentle glad golden happy hardy honest humble jolly keen kind lively " +
  "loyal lucid mellow merry mild neat nimble noble patient placid proud quick quiet ready robust " +
  "rosy sharp silent smooth snug sober solid spry steady sunny swift tidy upbeat vivid warm wise witty";
const nouns =
  "alder anchor atlas badger beacon birch bison bobbin brook canyon cedar cobalt comet condor coral " +
  "crane delta dune ember falcon fern fjord flint gannet garnet glacier harbor hazel heron ibex " +
  "juniper kestrel lagoon lantern larch linden lynx maple marten meadow merlin mesa meteor moss " +
  "nebula oak onyx orchid osprey otter pebble pelican pine plover prairie quartz raven reef river " +
  "rowan saffron sparrow spruce summit tern thistle tundra walnut willow wren";

/** A readable random name, `adjective_noun`; the store's unique index decides if it is free. */
export function randomContainerName(): string {
  return `${pick(adjectives)}_${pick(nouns)}`;
}

function pick(words: string): string {
  const list = words.split(" ");
  // Nobody minds that some words are a millionth likelier.
  return list[randomBytes(4).readUInt32LE() % list.length] as string;
}
