import type { Catalogue, CommandEntry, CommandGroup } from "./catalogue.ts";
import {
  containerFileCommands,
  fileCommands,
  imageFileCommands,
  unshareCommand,
} from "./file-commands.ts";
import { imageCommands, localImageCommands } from "./image-commands.ts";
import { manifestCommands } from "./manifest-commands.ts";
import { systemCommands } from "./system-commands.ts";
import { copyCommand, transferCommands } from "./transfer-commands.ts";

const run: CommandEntry = {
  summary: "create a container from an image and run it",
  load: async () => (await import("../commands/run.ts")).run,
};
const create: CommandEntry = {
  summary: "create a container from an image without starting it",
  load: async () => (await import("../commands/create.ts")).create,
};
const start: CommandEntry = {
  summary: "start containers that do not run",
  load: async () => (await import("../commands/start.ts")).start,
};
const attach: CommandEntry = {
  summary: "see what a running container writes, and write to it",
  load: async () => (await import("../commands/attach.ts")).attach,
};
const restart: CommandEntry = {
  summary: "stop containers, if they run, and start them",
  load: async () => (await import("../commands/restart.ts")).restart,
};
const init: CommandEntry = {
  summary: "prepare containers for a start",
  load: async () => (await import("../commands/init.ts")).init,
};
const rename: CommandEntry = {
  summary: "give a container another name",
  load: async () => (await import("../commands/rename.ts")).rename,
};
const pause: CommandEntry = {
  summary: "stop every process of containers until unpause",
  load: async () => (await import("../commands/pause.ts")).pause,
};
const unpause: CommandEntry = {
  summary: "let paused containers go on",
  load: async () => (await import("../commands/unpause.ts")).unpause,
};
const update: CommandEntry = {
  summary: "change what containers were made with",
  load: async () => (await import("../commands/update.ts")).update,
};
const healthcheckRun: CommandEntry = {
  summary: "check a container's health now",
  load: async () => (await import("../commands/healthcheck-run.ts")).healthcheckRun,
};
const pull: CommandEntry = {
  summary: "fetch an image from a registry",
  load: async () => (await import("../commands/pull.ts")).pull,
};
const push: CommandEntry = {
  summary: "send an image to a registry",
  load: async () => (await import("../commands/push.ts")).push,
};
const login: CommandEntry = {
  summary: "keep a name and a password for a registry",
  load: async () => (await import("../commands/login.ts")).login,
};
const logout: CommandEntry = {
  summary: "forget the name and the password for a registry",
  load: async () => (await import("../commands/logout.ts")).logout,
};
const images: CommandEntry = {
  summary: "list images",
  load: async () => (await import("../commands/images.ts")).images,
};
const search: CommandEntry = {
  summary: "find images in registries",
  load: async () => (await import("../commands/search.ts")).search,
};
const rmi: CommandEntry = {
  summary: "remove images",
  load: async () => (await import("../commands/rmi.ts")).rmi,
};
const exec: CommandEntry = {
  summary: "run a program in a running container",
  load: async () => (await import("../commands/exec.ts")).exec,
};
const ps: CommandEntry = {
  summary: "list containers",
  load: async () => (await import("../commands/ps.ts")).ps,
};
const logs: CommandEntry = {
  summary: "print what a container wrote",
  load: async () => (await import("../commands/logs.ts")).logs,
};
const stop: CommandEntry = {
  summary: "stop containers",
  load: async () => (await import("../commands/stop.ts")).stop,
};
const kill: CommandEntry = {
  summary: "send containers a signal",
  load: async () => (await import("../commands/kill.ts")).kill,
};
const top: CommandEntry = {
  summary: "list the processes of a container",
  load: async () => (await import("../commands/top.ts")).top,
};
const stats: CommandEntry = {
  summary: "show what containers use",
  load: async () => (await import("../commands/stats.ts")).stats,
};
const port: CommandEntry = {
  summary: "print where ports are published",
  load: async () => (await import("../commands/port.ts")).port,
};
const events: CommandEntry = {
  summary: "print what happens to containers, images and volumes",
  load: async () => (await import("../commands/events.ts")).events,
};
const wait: CommandEntry = {
  summary: "wait for containers to end and print their exit status",
  load: async () => (await import("../commands/wait.ts")).wait,
};
const rm: CommandEntry = {
  summary: "remove containers",
  load: async () => (await import("../commands/rm.ts")).rm,
};
const inspect: CommandEntry = {
  summary: "print everything about a container or image",
  load: async () => (await import("../commands/inspect.ts")).inspect,
};
const inspectImage: CommandEntry = {
  summary: "print everything about an image",
  load: async () => (await import("../commands/inspect.ts")).inspectImage,
};
const inspectContainer: CommandEntry = {
  summary: "print everything about a container",
  load: async () => (await import("../commands/inspect.ts")).inspectContainer,
};

/** The same command under another name. */
const alias = (entry: CommandEntry): CommandEntry => ({ ...entry, isAlias: true });

const info: CommandEntry = {
  summary: "print versions, paths and what this host offers",
  load: async () => (await import("../commands/info.ts")).info,
};

const commands: Readonly<Record<string, CommandEntry>> = {
  run,
  create,
  start,
  restart,
  pause,
  unpause,
  init,
  rename,
  update,
  attach,
  pull,
  push,
  login,
  logout,
  search,
  images,
  rmi,
  ...localImageCommands,
  ...transferCommands,
  exec,
  ps,
  logs,
  stop,
  kill,
  wait,
  rm,
  inspect,
  ...fileCommands,
  unshare: unshareCommand,
  top,
  stats,
  port,
  events,
  doctor: {
    summary: "check what works on this host, and say what to do about the rest",
    load: async () => (await import("../commands/doctor.ts")).doctor,
  },
  info,
  version: {
    summary: "print the version",
    load: async () => (await import("../commands/version.ts")).version,
  },
  help: {
    summary: "print help on a command",
    load: async () => (await import("../commands/help.ts")).help,
  },
};

const groups: Readonly<Record<string, CommandGroup>> = {
  image: {
    summary: "images",
    commands: {
      ls: images,
      list: alias(images),
      rm: rmi,
      search: alias(search),
      pull,
      push,
      inspect: inspectImage,
      ...imageFileCommands,
      ...imageCommands,
      ...transferCommands,
      copy: copyCommand,
    },
  },
  system: {
    summary: "what concerns all of tsman",
    commands: {
      ...systemCommands,
      info: alias(info),
      events: alias(events),
    },
  },
  config: {
    summary: "the configuration",
    commands: {
      show: {
        summary: "print every setting that counts, and where it comes from",
        load: async () => (await import("../commands/config-show.ts")).configShow,
      },
      explain: {
        summary: "say what settings mean, what they are now, and why",
        load: async () => (await import("../commands/config-explain.ts")).configExplain,
      },
      path: {
        summary: "print where the configuration file is, or belongs",
        load: async () => (await import("../commands/config-path.ts")).configPath,
      },
    },
  },
  manifest: { summary: "lists of images for several platforms", commands: manifestCommands },
  healthcheck: {
    summary: "health checks of containers",
    commands: { run: healthcheckRun },
  },
  container: {
    summary: "containers",
    commands: {
      cleanup: {
        summary: "do what is left to do when containers have ended",
        load: async () => (await import("../commands/container-cleanup.ts")).cleanup,
      },
      run,
      create,
      start,
      restart,
      pause,
      unpause,
      init,
      rename,
      update,
      clone: {
        summary: "make a container with the options of another one",
        load: async () => (await import("../commands/container-clone.ts")).clone,
      },
      exists: {
        summary: "end with 0 if there is such a container, with 1 if not",
        load: async () => (await import("../commands/container-exists.ts")).exists,
      },
      prune: {
        summary: "remove all containers that do not run",
        load: async () => (await import("../commands/container-prune.ts")).prune,
      },
      exec,
      ls: ps,
      list: alias(ps),
      ps: alias(ps),
      attach,
      logs,
      stop,
      kill,
      wait,
      rm,
      inspect: inspectContainer,
      top,
      stats,
      port,
      ...containerFileCommands,
    },
  },
};

/** All that `tsman` can be told to do. */
export const catalogue: Catalogue = { commands, groups };
