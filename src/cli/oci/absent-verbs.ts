import { TsmanError } from "../../errors/index.ts";
import type { OciVerb } from "./verb.ts";

/** What the other runtimes have and this one has not: refused with the reason, whatever follows. */
const absent = (name: string): OciVerb => ({
  operands: "ID",
  options: {},
  least: 0,
  most: Number.POSITIVE_INFINITY,
  run: () => {
    throw new TsmanError(
      "OPTION_UNSUPPORTED",
      `run ${name}: a container's memory is not saved or loaded`,
      { hint: "stop it and run it again, or use crun or runc with CRIU, as root" },
    );
  },
});

/** runc's and crun's. */
export const checkpoint = absent("checkpoint");
/** The other half of it. */
export const restore = absent("restore");
