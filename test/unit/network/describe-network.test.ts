import { describe, expect, it } from "vitest";
import { type ContainerOptions, defaultContainerOptions } from "../../../src/container/options.ts";
import { describeNetwork } from "../../../src/network/describe-network.ts";

const facts = {
  hosts: "127.0.0.1 localhost\n",
  resolver: { servers: ["192.0.2.53"], search: [], options: [] },
  hostAddress: "192.0.2.2",
};
const port = { containerPort: 80, hostPort: 8080, protocol: "tcp" } as const;
const network = (options: Partial<ContainerOptions> = {}) =>
  describeNetwork({
    options: { ...defaultContainerOptions, ...options },
    hostname: "box",
    containerName: "web",
    imagePorts: [],
    facts,
  });

describe("describeNetwork", () => {
  it("gives slirp4netns's address, name server and ports by default", () => {
    expect(network({ ports: [port] })).toMatchObject({
      address: "10.0.2.100",
      gateway: "10.0.2.2",
      needsSlirp: true,
      ports: [port],
      resolvConf: "nameserver 10.0.2.3\nnameserver 192.0.2.53\n",
      hosts: expect.stringContaining("10.0.2.100\tbox web"),
      warnings: [],
    });
  });

  it("follows the network that --network slirp4netns:cidr=… chooses", () => {
    const options = { cidr: "10.5.0.0/16" };
    const found = network({ network: { mode: "slirp4netns", options } });
    expect(found.resolvConf).toContain("nameserver 10.5.0.3");
    expect(found.hosts).toContain("10.5.0.100\tbox web");
  });

  it("says what --network host opens, and that ports do nothing", () => {
    const found = network({ network: { mode: "host" }, ports: [port] });
    expect(found).toMatchObject({ needsSlirp: false, ports: [] });
    expect(found.warnings).toHaveLength(2);
    expect(found.resolvConf).toBe("nameserver 192.0.2.53\n");
    expect(found.hosts).toContain("127.0.0.1\thost.containers.internal");
  });

  it("writes no resolv.conf without a network, unless --dns asks for one", () => {
    const none = { network: { mode: "none" } } as const;
    expect(network(none).resolvConf).toBeUndefined();
    expect(network(none).hosts).toContain("127.0.0.1\tbox web");
    expect(network({ ...none, dns: ["9.9.9.9"] }).resolvConf).toBe("nameserver 9.9.9.9\n");
    expect(() => network({ ...none, ports: [port] })).toThrow("the container has no network");
  });

  it("leaves all of it to the container whose network is joined", () => {
    const joined = { network: { mode: "container", container: "db" } } as const;
    expect(network(joined)).toEqual({ ports: [], needsSlirp: false, warnings: [] });
    expect(() => network({ ...joined, ports: [port] })).toThrow("use -p");
    expect(() => network({ ...joined, dns: ["9.9.9.9"] })).toThrow("use --dns");
    const addHosts = [{ name: "a", address: "10.0.0.1" }];
    expect(() => network({ ...joined, addHosts })).toThrow("use --add-host");
  });

  it("writes no hosts file with --no-hosts, which excludes --add-host", () => {
    expect(network({ noHosts: true }).hosts).toBeUndefined();
    const addHosts = [{ name: "a", address: "10.0.0.1" }];
    expect(() => network({ noHosts: true, addHosts })).toThrow("not together with --no-hosts");
  });
});
