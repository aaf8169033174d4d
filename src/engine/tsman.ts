import { type PathOverrides, resolvePaths } from "../config/paths.ts";
import type { ContainerOptions } from "../container/options.ts";
import { openStore } from "../store/store.ts";
import type { CheckFinding, CheckOptions } from "./check-types.ts";
import { createContainerService } from "./containers/container-service.ts";
import { createContext, type EngineContext } from "./context.ts";
import type { DoctorReport } from "./doctor/report.ts";
import type { Configuration, ConfigurationFiles } from "./explain-settings.ts";
import { createImageService } from "./images/image-service.ts";
import { interruptibleStream } from "./library/interruptible.ts";
import { OwnedContainers } from "./library/owned-containers.ts";
import type { ManifestService } from "./manifest-types.ts";
import { createManifestService } from "./manifests/manifest-service.ts";
import { createRegistryService } from "./registries/registry-service.ts";
import type { RegistryService } from "./registry-types.ts";
import { createSystemService } from "./system/system-service.ts";
import type { SystemService } from "./system-types.ts";
import type {
  ContainerService,
  EventOptions,
  ExplainDocument,
  ExplainIo,
  ImageService,
  InfoDocument,
  TsmanEvent,
} from "./types.ts";
import type { UnshareOptions, UnshareSession } from "./unshare-types.ts";

/**
 * tsman as a library: one instance over one store.  It prints nothing, ends no process, and
 * several instances live side by side.
 */
export class Tsman implements Disposable, AsyncDisposable {
  readonly images: ImageService;
  readonly containers: ContainerService;
  readonly manifests: ManifestService;
  readonly registries: RegistryService;
  readonly system: SystemService;
  readonly #context: EngineContext;
  readonly #owned = new OwnedContainers();
  #isClosed = false;

  private constructor(context: EngineContext) {
    this.#context = context;
    this.images = createImageService(context);
    this.containers = createContainerService(context, this.#owned);
    this.manifests = createManifestService(context);
    this.registries = createRegistryService(context);
    this.system = createSystemService(context);
  }

  /**
   * Opens the caller's store, or another one; makes it on the first use.
   *
   * @throws TsmanError PREFLIGHT_STORAGE, STORE_NEWER, STORE_CORRUPT, CONFIG_INVALID
   */
  static async open(
    overrides: PathOverrides = {},
    io: { readonly onWarning?: ((message: string) => void) | undefined } = {},
  ): Promise<Tsman> {
    const paths = resolvePaths(overrides);
    const context = createContext(paths, openStore(paths));
    if (paths.unusedRoot !== undefined) {
      const { tellMovedStore } = await import("./moved-store.ts");
      tellMovedStore(context, paths.unusedRoot, io.onWarning);
    }
    return new Tsman(context);
  }

  /**
   * What `containers.run` would do with these options, and why; nothing is started.  An image that
   * is not there is fetched after its pull policy.
   */
  async explain(options: ContainerOptions, io: ExplainIo = {}): Promise<ExplainDocument> {
    const { explainRun } = await import("./containers/explain-run.ts");
    return await explainRun(this.#context, options, io);
  }

  /** Checks by trying whether and how well this host can run containers. */
  async doctor(): Promise<DoctorReport> {
    const { examineHost } = await import("./doctor/examine-host.ts");
    return await examineHost(this.#context, this.containers);
  }

  /** The facts that `doctor` judges. */
  async info(): Promise<InfoDocument> {
    const { collectInfo } = await import("./info.ts");
    return await collectInfo(this.#context);
  }

  /**
   * What is configured, with where each value comes from.
   *
   * @throws TsmanError CONFIG_INVALID
   */
  async configuration(): Promise<Configuration> {
    const { readConfiguration } = await import("./explain-settings.ts");
    return await readConfiguration(this.#context);
  }

  /** Which files the configuration comes from. */
  async configurationFiles(): Promise<ConfigurationFiles> {
    const { configurationFiles } = await import("./explain-settings.ts");
    return configurationFiles(this.#context);
  }

  /** What happened in this store, and, unless told otherwise, what happens from now on. */
  async *events(options: EventOptions = {}): AsyncGenerator<TsmanEvent> {
    const { readEvents } = await import("./events/read-events.ts");
    yield* interruptibleStream(options.signal, "read events", readEvents(this.#context, options));
  }

  /** What is wrong with the store, and, if asked to, repairs it. */
  async *check(options: CheckOptions = {}): AsyncGenerator<CheckFinding> {
    const { checkStore } = await import("./check/check-store.ts");
    yield* interruptibleStream(
      options.signal,
      "check the store",
      checkStore(this.#context, options),
    );
  }

  /** Runs a program where the store's files have the owners that they have in containers. */
  async unshare(options: UnshareOptions): Promise<UnshareSession> {
    const { unshare } = await import("./unshare.ts");
    return unshare(this.#context, options);
  }

  /** Closes the store.  Containers go on: those that go with this process until its end. */
  close(): void {
    this.#isClosed = true;
    this.#context.store.close();
  }

  /** Ends and removes the containers that go with this process, then closes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#owned[Symbol.asyncDispose]();
    } finally {
      this.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
