/** What a pull, or a push, tells while it goes on. Sizes in bytes of the compressed layer. */
export type PullProgress =
  | { readonly kind: "resolving"; readonly reference: string }
  | { readonly kind: "pushing"; readonly destination: string }
  | { readonly kind: "copying"; readonly source: string; readonly destination: string }
  | { readonly kind: "waiting"; readonly digest: string; readonly reason: string }
  /** How many blobs the image has: the number of digests that will be told of. */
  | { readonly kind: "layers"; readonly total: number }
  | { readonly kind: "layer-exists"; readonly digest: string }
  | {
      readonly kind: "layer-start";
      readonly digest: string;
      readonly total: number;
      /** Bytes that are not fetched, since the store has the files that they hold. */
      readonly reused?: number;
    }
  | {
      readonly kind: "layer-progress";
      readonly digest: string;
      readonly current: number;
      readonly total: number;
    }
  | { readonly kind: "layer-done"; readonly digest: string }
  | {
      readonly kind: "retry";
      readonly digest: string;
      readonly reason: string;
      readonly delayMs: number;
    }
  /** A place that should have the image does not serve; another one is asked. */
  | {
      readonly kind: "fallback";
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  | { readonly kind: "config"; readonly digest: string }
  | { readonly kind: "done"; readonly id: string; readonly reference: string };
