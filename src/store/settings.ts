import type { Database } from "./database.ts";

/** Small facts about this host that were found out by trying, by name. */
export class SettingTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(name: string): string | undefined {
    return this.#database.get("SELECT value FROM settings WHERE name = ?", name)?.value as
      | string
      | undefined;
  }

  set(name: string, value: string): void {
    this.#database.run(
      "INSERT INTO settings (name, value) VALUES (?, ?) " +
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      value,
    );
  }

  /** Forgets a fact; whether it was known. */
  remove(name: string): boolean {
    return this.#database.erase("DELETE FROM settings WHERE name = ?", name) > 0;
  }
}
