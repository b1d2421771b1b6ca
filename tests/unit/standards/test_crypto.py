"""The published vectors of each algorithm, and that tampering is always noticed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huying.standards import crypto
from huying.standards.crypto import sm2

GBT_32918_PRIVATE = bytes.fromhex(
    "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
)
GBT_32918_PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("SHA256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("SM3", b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (
            "SM3",
            b"abcd" * 16,
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
        ),
    ],
)
def test_digest_vectors(code: str, message: bytes, expected: str) -> None:
    assert crypto.digest(code).hexdigest(message) == expected


def test_hmac_sha256_vector_of_rfc_4231() -> None:
    tag = crypto.mac(b"Jefe", b"what do ya want for nothing?")
    assert tag.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_hmac_sm3_follows_its_definition() -> None:
    key, data = b"k" * 40, "呼应".encode()
    padded = key.ljust(64, b"\x00")
    sm3 = crypto.digest("SM3").hash
    inner = sm3(bytes(b ^ 0x36 for b in padded) + data)
    assert crypto.mac(key, data, "SM3") == sm3(bytes(b ^ 0x5C for b in padded) + inner)


def test_sm4_gcm_vector_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    context = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plaintext = bytes.fromhex(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
        "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
    )
    sealed = crypto.cipher("SM4GCM").encrypt(key, plaintext, context, nonce=nonce)
    assert sealed[12:].hex().upper() == (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )


@pytest.mark.parametrize("code", sorted(crypto.CIPHERS))
@given(plaintext=st.binary(max_size=200), context=st.binary(max_size=20), data=st.data())
def test_cipher_round_trip_and_any_changed_byte_is_noticed(
    code: str, plaintext: bytes, context: bytes, data: st.DataObject
) -> None:
    cipher = crypto.cipher(code)
    key = cipher.generate_key()
    sealed = cipher.encrypt(key, plaintext, context)
    assert cipher.decrypt(key, sealed, context) == plaintext
    at = data.draw(st.integers(0, len(sealed) - 1))
    broken = bytearray(sealed)
    broken[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(crypto.DecryptionFailed):
        cipher.decrypt(key, bytes(broken), context)
    with pytest.raises(crypto.DecryptionFailed):
        cipher.decrypt(key, sealed, context + b"x")
    with pytest.raises(crypto.DecryptionFailed):
        cipher.decrypt(key, sealed[:at])


@pytest.mark.parametrize("code", sorted(crypto.CIPHERS))
def test_cipher_refuses_a_key_of_the_wrong_size_and_never_repeats_a_nonce(code: str) -> None:
    cipher = crypto.cipher(code)
    with pytest.raises(crypto.InvalidKey, match="密钥无效"):
        cipher.encrypt(b"short", b"")
    key = cipher.generate_key()
    assert len({cipher.encrypt(key, b"same")[:12] for _ in range(100)}) == 100


def test_ed25519_vector_of_rfc_8032() -> None:
    private = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signer = crypto.signer("ED25519", private)
    assert signer.public_key.hex() == (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    )
    assert signer.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_sm2_vector_of_gbt_32918_5() -> None:
    assert sm2.public_key(GBT_32918_PRIVATE) == GBT_32918_PUBLIC
    assert sm2.z_value(GBT_32918_PUBLIC).hex().upper() == (
        "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3"
    )
    signature = sm2.sign(
        GBT_32918_PRIVATE,
        GBT_32918_PUBLIC,
        b"message digest",
        nonce=0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21,
    )
    assert signature.hex().upper() == (
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )
    assert crypto.verifier("SM2", GBT_32918_PUBLIC).verify(b"message digest", signature)


@pytest.mark.parametrize("code", sorted(crypto.SIGNATURES))
def test_signature_binds_message_and_key(code: str) -> None:
    scheme = crypto.signature_scheme(code)
    private = crypto.generate_private_key(code)
    signer = crypto.signer(code, private)
    verifier = crypto.verifier(code, signer.public_key)
    signature = signer.sign("已办结".encode())
    assert (len(private), len(signer.public_key), len(signature)) == (
        scheme.private_key_size,
        scheme.public_key_size,
        scheme.signature_size,
    )
    assert verifier.verify("已办结".encode(), signature)
    assert not verifier.verify("未办结".encode(), signature)
    other = crypto.signer(code, crypto.generate_private_key(code))
    assert not crypto.verifier(code, other.public_key).verify("已办结".encode(), signature)
    assert private.hex() not in repr(signer)


@pytest.mark.parametrize("code", sorted(crypto.SIGNATURES))
@settings(max_examples=30, deadline=None)
@given(signature=st.binary(max_size=70) | st.binary(min_size=64, max_size=64))
def test_a_malformed_signature_is_false_not_an_error(code: str, signature: bytes) -> None:
    public = {
        "SM2": GBT_32918_PUBLIC,
        "ED25519": crypto.signer("ED25519", bytes(32)).public_key,
    }[code]
    assert crypto.verifier(code, public).verify(b"x", signature) is False


@pytest.mark.parametrize("r", [0, sm2.N, sm2.N + 1])
def test_sm2_refuses_r_and_s_out_of_range(r: int) -> None:
    signature = r.to_bytes(32, "big") + (1).to_bytes(32, "big")
    assert not sm2.verify(GBT_32918_PUBLIC, b"x", signature)
    assert not sm2.verify(GBT_32918_PUBLIC, b"x", signature[32:] + signature[:32])


def test_sm2_public_keys_with_prefix_off_curve_and_with_leading_zero_digits() -> None:
    assert crypto.verifier("SM2", b"\x04" + GBT_32918_PUBLIC).public_key == GBT_32918_PUBLIC
    with pytest.raises(crypto.InvalidKey):
        crypto.verifier("SM2", bytes(64))
    with pytest.raises(crypto.InvalidKey):
        crypto.verifier("SM2", GBT_32918_PUBLIC[:-1])
    # A point that begins with the byte 04 is a key like any other.
    scalar = next(
        s for s in range(1, 5000) if sm2.public_key(s.to_bytes(32, "big")).hex().startswith("04")
    )
    signer = crypto.signer("SM2", scalar.to_bytes(32, "big"))
    assert crypto.verifier("SM2", signer.public_key).verify(b"m", signer.sign(b"m"))


@pytest.mark.parametrize("private", [bytes(32), sm2.N.to_bytes(32, "big"), b"\x01"])
def test_sm2_refuses_private_keys_out_of_range(private: bytes) -> None:
    with pytest.raises(crypto.InvalidKey):
        crypto.signer("SM2", private)


def test_blind_index_separates_fields_and_keys() -> None:
    one = crypto.blind_index(b"k" * 32, "person.phone", "13800000000")
    assert one == crypto.blind_index(b"k" * 32, "person.phone", "13800000000")
    assert one != crypto.blind_index(b"k" * 32, "person.id_number", "13800000000")
    assert one != crypto.blind_index(b"j" * 32, "person.phone", "13800000000")
    assert one != crypto.blind_index(b"k" * 32, "person.phone", "13800000000", "SM3")


def test_derived_keys_differ_by_purpose() -> None:
    keys = {crypto.derive_key(b"m" * 32, purpose) for purpose in ("vault", "index")}
    assert len(keys) == 2
    assert len(crypto.derive_key(b"m" * 32, "sm4", 16, "SM3")) == 16


@pytest.mark.parametrize("lookup", [crypto.digest, crypto.cipher, crypto.signature_scheme])
def test_unknown_code_names_the_known_ones(lookup: object) -> None:
    assert callable(lookup)
    with pytest.raises(crypto.UnknownAlgorithm, match="SM"):
        lookup("ROT13")
