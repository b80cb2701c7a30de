// The refusal of user data, which the host's console shows. The host itself goes on.

export class UserDataRefused extends Error {
  override readonly name = "UserDataRefused";
}
