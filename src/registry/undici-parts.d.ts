// The parts of undici that the registry client uses, by file: the package's main entry also loads
// fetch, WebSocket, caches and mocks, which costs every pull 50 ms (measured on the bundle).
declare module "undici/lib/dispatcher/agent.js" {
  export { Agent as default } from "undici";
}
declare module "undici/lib/api/api-request.js" {
  import type { Dispatcher } from "undici";

  const request: (
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ) => Promise<Dispatcher.ResponseData>;
  export default request;
}
