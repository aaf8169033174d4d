import { describe, expect, test } from "vitest";
import { TsmanError, toTsmanError } from "../../../src/errors/index.ts";
import { ErrnoError, toFileError } from "../../../src/platform/errno.ts";

/** What a block with `using` throws whose work and whose disposals fail. */
async function thrownBy(work: Error | undefined, ...disposals: readonly Error[]): Promise<unknown> {
  const block = async (): Promise<void> => {
    await using stack = new AsyncDisposableStack();
    for (const failure of disposals) {
      stack.defer(() => {
        throw failure;
      });
    }
    if (work !== undefined) throw work;
  };
  return await block().then(
    () => undefined,
    (error: unknown) => error,
  );
}

const taken = new TsmanError("NAME_IN_USE", "create container b: taken", {
  hint: "choose another name",
  details: { name: "b" },
});

describe("work that fails, and whose clean-up fails too", () => {
  test("is told as the failure of the work, with its code, hint and details", async () => {
    const thrown = await thrownBy(taken, new Error("no such file"));
    expect(thrown).toBeInstanceOf(SuppressedError);
    const error = toTsmanError(thrown, "tsman");
    expect(error.code).toBe("NAME_IN_USE");
    expect(error.message).toBe("create container b: taken; and then: no such file");
    expect(error.hint).toBe("choose another name");
    expect(error.details).toEqual({ name: "b" });
    expect(error.cause).toBe(thrown);
  });

  test("tells what else went wrong in the order in which it did, the same words once", async () => {
    const last = new TsmanError("INTERNAL", "second");
    const thrown = await thrownBy(taken, last, new Error("first"), new Error("first"));
    expect(toTsmanError(thrown, "tsman").message).toBe(
      "create container b: taken; and then: first; and then: second",
    );
    const twice = await thrownBy(taken, new Error(taken.message));
    expect(toTsmanError(twice, "tsman").message).toBe(taken.message);
  });

  test("is a defect only if the work's failure is one", async () => {
    const error = toTsmanError(await thrownBy(new TypeError("oops"), taken), "tsman");
    expect(error.code).toBe("INTERNAL");
    expect(error.message).toBe("tsman: oops; and then: create container b: taken");
  });

  test("is a failed file operation if that is what failed first", async () => {
    const thrown = await thrownBy(new ErrnoError("write", "/x", 28), new Error("close"));
    const error = toFileError(thrown, "write container b");
    expect(error.code).toBe("DISK_FULL");
    expect(error.message).toMatch(
      /^write container b: no space left on device .*; and then: close$/,
    );
    expect(toFileError(await thrownBy(taken, new Error("x")), "y").code).toBe("NAME_IN_USE");
  });
});

describe("failures of clean-up alone", () => {
  test("are told in their order", async () => {
    const error = toTsmanError(await thrownBy(undefined, new Error("2"), new Error("1")), "end");
    expect(error.message).toBe("end: 1; and then: 2");
  });
});

describe("several failures at once", () => {
  test("are told as the first of them, with the others", () => {
    const error = toTsmanError(new AggregateError([taken, new Error("x")], "all"), "tsman");
    expect(error).toMatchObject({ code: "NAME_IN_USE", message: `${taken.message}; and then: x` });
  });

  test("that are none are told with their message", () => {
    const error = toTsmanError(new AggregateError([], "all of none"), "tsman");
    expect(error).toMatchObject({ code: "INTERNAL", message: "tsman: all of none" });
  });
});
