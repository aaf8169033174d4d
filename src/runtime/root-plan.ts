import type { RootfsPlan } from "./launch-context.ts";
import { type PlanRecord, settingRecord, stepRecord } from "./launch-plan.ts";
import type { SlotTable } from "./slots.ts";

/** Settings and steps that make the root. */
export interface RootPlan {
  readonly settings: readonly PlanRecord[];
  readonly step: PlanRecord;
}

/** Compiles the root file system; all its directories are opened as the caller. */
export function compileRoot(rootfs: RootfsPlan, slots: SlotTable, because: string): RootPlan {
  switch (rootfs.driver) {
    case "overlay": {
      // userxattr: trusted.* is for the initial user namespace only, and layers are unpacked with
      // user.overlay.* (kernel: Documentation/filesystems/overlayfs.rst, "User xattr").
      const extra = rootfs.isVolatile ? "userxattr,volatile" : "userxattr";
      const upper = slots.open(rootfs.upper, "dir", because);
      const work = slots.open(rootfs.work, "dir", because);
      const lowers = rootfs.lowers.map((lower) => slots.open(lower, "dir", because));
      return {
        settings: [],
        step: stepRecord("ROOT_OVERLAY", [upper, work, extra, ...lowers], because),
      };
    }
    case "fuse-overlayfs": {
      const inText = (path: string): string => `@{${slots.open(path, "dir", because).slice(1)}}`;
      const options = [
        `lowerdir=${rootfs.lowers.map(inText).join(":")}`,
        `upperdir=${inText(rootfs.upper)}`,
        `workdir=${inText(rootfs.work)}`,
      ];
      const dir = slots.open(rootfs.dir, "dir", because);
      const argv = [rootfs.program, "-o", options.join(","), `@{${dir.slice(1)}}/merged`];
      // Opened only after the command has mounted something there: "@N/name".
      const merged = slots.open(`${dir}/merged`, "dir", because);
      return {
        settings: [settingRecord("STAGE_COMMAND", argv, because)],
        step: stepRecord("ROOT_BIND", [merged], because),
      };
    }
    case "copy":
      return {
        settings: [],
        step: stepRecord("ROOT_BIND", [slots.open(rootfs.path, "dir", because)], because),
      };
  }
}
