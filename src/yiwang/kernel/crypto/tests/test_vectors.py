"""Published vectors, round trips, and what must be refused."""

import base64
import hashlib
import hmac
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings as site
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.crypto import CryptoProblem, ciphers, curve, decrypt, encrypt, keys, libcrypto, mac, mac_matches, sm3
from yiwang.kernel.crypto import signatures as sm2

PUBLIC = (
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SECRET = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA


@pytest.mark.parametrize(
    ("message", "digest"),
    [(b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
     (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732")],
)  # fmt: skip
def test_SM3标准示例_GBT32905附录A(message, digest):
    assert sm3(message) == digest


def test_SM4标准示例_GBT32907附录A():
    block = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(block), modes.ECB()).encryptor()  # noqa: S305 - the standard's example
    assert encryptor.update(block).hex() == "681edf34d206965e86b3e94f536e4246"


def test_SM4_GCM标准示例_RFC8998附录A():
    key, nonce = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), bytes.fromhex("00001234567800000000ABCD")
    plain = b"".join(bytes([value]) * 8 for value in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    header = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    sealed = (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    )
    tag = "83DE3541E4C2B58177E065A9BF7B62EC"
    body = nonce + bytes.fromhex(sealed + tag)
    assert ciphers.unseal(key, body, header) == plain


@pytest.mark.django_db
def test_HMAC_SM3按定义计算(settings):
    from_definition = hmac.new(ciphers.keys.current("p"), b"data", lambda: hashlib.new("sm3")).hexdigest()
    assert mac(b"data", "p") == from_definition
    assert mac(b"data", "p") != mac(b"data", "q")
    keys.lasting("p")
    keys.lasting("q")
    assert mac_matches(b"data", mac(b"data", "p"), "p")
    assert not mac_matches(b"data", mac(b"data", "p"), "q")
    assert not mac_matches(b"data", "", "p")
    assert not mac_matches(b"data", "非十六进制", "p")


@settings(max_examples=60, deadline=None)
@given(text=st.text(), context=st.text(max_size=20))
def test_加密后只在原处解得原文(text, context):
    token = encrypt(text, context)
    assert decrypt(token, context) == text
    with pytest.raises(CryptoProblem, match="校验不通过"):
        decrypt(token, context + "x")


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1), data=st.data())
def test_密文任一位改动都不能解密(text, data):
    version, name, encoded = encrypt(text).split(".")
    body = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= 1 << data.draw(st.integers(0, 7))
    changed = base64.urlsafe_b64encode(bytes(body)).decode().rstrip("=")
    with pytest.raises(CryptoProblem):
        decrypt(f"{version}.{name}.{changed}")


def test_同文两次密文不同():
    assert encrypt("450202199001011234") != encrypt("450202199001011234")


@pytest.mark.parametrize(
    ("token", "words"),
    [("", "无法识别"), ("sm9.x.y", "无法识别"), ("sm4g1.00000000.AAAA", "密钥已不在"), ("plain text", "无法识别")],
)
def test_不是本站密文则以文字拒绝(token, words):
    with pytest.raises(CryptoProblem, match=words):
        decrypt(token)


def test_残缺密文以文字拒绝():
    head = encrypt("甲").rpartition(".")[0]
    for rest, words in (("AAAA", "不完整"), ("中文", "损坏"), ("A", "损坏|不完整"), ("****", "损坏")):
        with pytest.raises(CryptoProblem, match=words):
            decrypt(f"{head}.{rest}")


def test_换密钥后旧密文可读_去掉旧密钥后不可读():
    token = encrypt("甲")
    old = site.SECRET_KEY
    with override_settings(SECRET_KEY="another-key", SECRET_KEY_FALLBACKS=[old]):
        assert decrypt(token) == "甲"
        assert encrypt("甲").split(".")[1] != token.split(".")[1]
    with override_settings(SECRET_KEY="another-key"), pytest.raises(CryptoProblem, match="备用密钥"):
        decrypt(token)


def test_SM2标准示例_GBT32918第5部分附录A():
    x, y = sm2._point(PUBLIC)
    assert curve.verify(x, y, R, S, b"message digest", sm2.DEFAULT_SIGNER)
    assert sm2.verify(PUBLIC, sm2.encode_signature(R, S), b"message digest")
    assert sm2.verify(PUBLIC[2:], R.to_bytes(32, "big") + S.to_bytes(32, "big"), b"message digest")
    assert not sm2.verify(PUBLIC, sm2.encode_signature(R, S), b"message digest.")
    assert not sm2.verify(PUBLIC, sm2.encode_signature(R, S), b"message digest", b"other signer")
    assert not curve.verify(x, y, R, S, b"message digest", b"other signer")


needs_library = pytest.mark.skipif(libcrypto.library() is None, reason="系统没有支持 SM2 的 libcrypto")


@needs_library
@settings(max_examples=25, deadline=None)
@given(message=st.binary(max_size=300), signer=st.binary(min_size=1, max_size=40))
def test_签名由两种实现互相验证(message, signer):
    key = sm2.LocalSigner.generate()
    signature = key.sign(message, signer)
    assert sm2.verify(key.public_key(), signature, message, signer)
    parts = sm2.parse_signature(signature)
    assert parts is not None
    assert curve.verify(*sm2._point(key.public_key()), *parts, message, signer)
    assert not curve.verify(*sm2._point(key.public_key()), *parts, message + b"x", signer)


@needs_library
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_签名任一字节改动都不成立且不出错(data):
    signature = bytearray(sm2.encode_signature(R, S))
    at = data.draw(st.integers(0, len(signature) - 1))
    signature[at] ^= data.draw(st.integers(1, 255))
    assert not sm2.verify(PUBLIC, bytes(signature), b"message digest")


@settings(max_examples=100, deadline=None)
@given(r=st.integers(1, curve.N - 1), s=st.integers(1, curve.N - 1))
def test_签名编码往返(r, s):
    assert sm2.parse_signature(sm2.encode_signature(r, s)) == (r, s)


@pytest.mark.parametrize("bad", [b"", b"\x30", b"\x30\x06\x02\x01\x00\x02\x01", b"0" * 200, bytes(64)])
def test_不成形的签名只是不成立(bad):
    assert not sm2.verify(PUBLIC, bad, b"message digest")
    assert not curve.verify(*sm2._point(PUBLIC), 0, 0, b"", b"")


@pytest.mark.parametrize(
    ("key", "words"), [("zz", "十六进制"), ("04" + "00" * 10, "长度"), ("04" + "11" * 64, "不是曲线上的点")]
)
def test_错误的公钥以文字拒绝(key, words):
    with pytest.raises(CryptoProblem, match=words):
        sm2.verify(key, sm2.encode_signature(R, S), b"")


def test_本机密钥标明测试且私钥公钥须成对():
    key = sm2.LocalSigner(SECRET, PUBLIC)
    assert key.test_key
    assert "无法律效力" in key.label
    with pytest.raises(CryptoProblem, match="私钥"):
        sm2.LocalSigner("00" * 32, PUBLIC)
    if libcrypto.library():
        assert sm2.verify(PUBLIC, key.sign(b"data"), b"data")
        with pytest.raises(CryptoProblem, match="不成对"):
            sm2.LocalSigner("11" * 32, PUBLIC).sign(b"data")


@needs_library
def test_与OpenSSL命令行互验(tmp_path):
    key = sm2.LocalSigner(SECRET, PUBLIC)
    (tmp_path / "k.der").write_bytes(key._der)
    (tmp_path / "data").write_bytes(b"interoperable")
    (tmp_path / "sig").write_bytes(key.sign(b"interoperable"))
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("没有 openssl 命令")
    done = subprocess.run(
        [program, "pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678",
         "-inkey", "k.der", "-keyform", "DER", "-in", "data", "-sigfile", "sig"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
