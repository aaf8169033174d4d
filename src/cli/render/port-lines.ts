import type { PortBinding } from "../../engine/types.ts";
import { TsmanError } from "../../errors/index.ts";
import { invalidValue } from "../usage-error.ts";

/** A port of a container that somebody asks for. */
export interface PortQuery {
  readonly port: number;
  readonly protocol: PortBinding["protocol"];
}

/** `80`, `80/udp`. */
export function parsePortQuery(text: string): PortQuery {
  const match = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text);
  const port = Number(match?.[1]);
  if (match !== null && port >= 1 && port <= 65_535) {
    return { port, protocol: match[2]?.toLowerCase() === "udp" ? "udp" : "tcp" };
  }
  throw invalidValue("port", text, "not PORT[/PROTOCOL]", "write it like 80 or 53/udp");
}

/**
 * What `tsman port` prints: `80/tcp -> 0.0.0.0:8080`, and of one port where it is.
 *
 * @throws TsmanError PORT_NOT_PUBLISHED
 */
export function portLines(
  ports: readonly PortBinding[],
  query: PortQuery | undefined,
): readonly string[] {
  if (query === undefined) {
    return ports.map((port) => `${port.containerPort}/${port.protocol} -> ${address(port)}`);
  }
  const found = ports.filter(
    ({ containerPort, protocol }) => containerPort === query.port && protocol === query.protocol,
  );
  if (found.length > 0) return found.map(address);
  throw new TsmanError(
    "PORT_NOT_PUBLISHED",
    `find port ${query.port}/${query.protocol}: the container does not publish it`,
    { hint: "publish it when the container is made: --publish HOST:CONTAINER" },
  );
}

function address({ hostIp, hostPort }: PortBinding): string {
  return `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:${hostPort}`;
}
