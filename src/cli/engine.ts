import type { ContainerOptions } from "../container/options.ts";
import type { DoctorReport } from "../engine/doctor/report.ts";
import type { Configuration, ConfigurationFiles } from "../engine/explain-settings.ts";
import type {
  CheckFinding,
  CheckOptions,
  ContainerService,
  EventOptions,
  ExplainDocument,
  ExplainIo,
  ImageService,
  InfoDocument,
  ManifestService,
  RegistryService,
  SystemService,
  TsmanEvent,
} from "../engine/types.ts";
import type { UnshareOptions, UnshareSession } from "../engine/unshare-types.ts";

/** What the commands use of `Tsman`: its interface, so that tests can stand in for it. */
export interface Engine {
  readonly images: ImageService;
  readonly containers: ContainerService;
  readonly manifests: ManifestService;
  readonly registries: RegistryService;
  readonly system: SystemService;
  explain(options: ContainerOptions, io?: ExplainIo): Promise<ExplainDocument>;
  doctor(): Promise<DoctorReport>;
  info(): Promise<InfoDocument>;
  configuration(): Promise<Configuration>;
  configurationFiles(): Promise<ConfigurationFiles>;
  unshare(options: UnshareOptions): Promise<UnshareSession>;
  check(options?: CheckOptions): AsyncIterable<CheckFinding>;
  events(options?: EventOptions): AsyncIterable<TsmanEvent>;
}
