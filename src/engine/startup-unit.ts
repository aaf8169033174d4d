import path from "node:path";
import { installationDir } from "../platform/native.ts";
import type { EngineContext } from "./context.ts";

/** A systemd user unit that starts what should be up when the user's manager starts. */
export function startupUnit(context: EngineContext): string {
  const { root, runtimeDir } = context.paths;
  const tsman = path.join(installationDir(), "bin/tsman");
  const command = [tsman, "--root", root, "--runtime-dir", runtimeDir, "system", "start-enabled"];
  return `# Write this to ~/.config/systemd/user/tsman.service, then:
#   systemctl --user enable tsman.service
#   loginctl enable-linger    # to start it when the machine starts, without a login
[Unit]
Description=Containers of tsman that should be up

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${command.map(unitWord).join(" ")}

[Install]
WantedBy=default.target
`;
}

/** A word of a command line: systemd.service(5), "COMMAND LINES", and its specifiers. */
function unitWord(word: string): string {
  const escaped = word
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("%", "%%")
    .replaceAll("$", "$$$$");
  return /^[\w./:@%$+,=-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
