//! The codecs against a plain model, on streams cut in any way, and on garbage.
#![allow(clippy::expect_used)]

use super::framing::{MAX_HEAD_BYTES, Rule};
use super::*;
use proptest::prelude::*;

fn marker(mark: &[u8]) -> Marker {
    Marker::new(mark).expect("1 to 8 bytes")
}

fn field(letter: u8, offset: u16, body_offset: u16) -> LengthField {
    LengthField {
        kind: LengthType::from_letter(letter).expect("letter"),
        offset,
        body_offset,
    }
}

fn framing(rule: Rule, max_bytes: u32) -> Framing {
    Framing { rule, max_bytes }
}

/// The length function of the tests: two digits of the length of what follows, in decimal.
fn two_digits(head: &[u8]) -> i64 {
    match head {
        [a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            i64::from(a - b'0') * 10 + i64::from(b - b'0') + 2
        }
        [_, _, ..] => -1,
        _ => 0,
    }
}

/// Feeds `stream` to a decoder in pieces of the given sizes, and collects the packages.
fn decode(
    framing: Framing,
    stream: &[u8],
    mut pieces: impl Iterator<Item = usize>,
) -> (Vec<Vec<u8>>, Result<usize, Malformed>) {
    let mut decoder = Decoder::new(framing);
    let (mut packages, mut fed) = (Vec::new(), 0);
    loop {
        let step = match decoder.step() {
            Ok(Step::Ask) => decoder.answer(two_digits(decoder.filled())),
            step => step,
        };
        match step {
            Err(malformed) => return (packages, Err(malformed)),
            Ok(Step::Package { len }) => {
                assert!(len > 0);
                packages.push(decoder.filled()[..len].to_vec());
                decoder.consume(len);
            }
            Ok(Step::NeedMore { bytes }) => {
                assert!(bytes > 0);
                if fed == stream.len() {
                    return (packages, Ok(decoder.filled().len()));
                }
                let piece = pieces.next().unwrap_or(1).clamp(1, bytes);
                let piece = piece.min(stream.len() - fed);
                decoder
                    .room(piece)
                    .copy_from_slice(&stream[fed..fed + piece]);
                decoder.added(piece);
                fed += piece;
                let max = framing.max_bytes as usize + decoder::CHUNK_BYTES;
                assert!(decoder.filled().len() <= max);
            }
            Ok(Step::Ask) => unreachable!("answered"),
        }
    }
}

/// All packages that end with the first mark, and how many bytes are left.
fn split_by_mark(stream: &[u8], mark: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut packages, mut rest) = (Vec::new(), stream);
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        let (package, behind) = rest.split_at(at + mark.len());
        packages.push(package.to_vec());
        rest = behind;
    }
    (packages, rest.len())
}

proptest! {
    #[test]
    fn marks_are_found_however_the_stream_is_cut(
        mark in prop::collection::vec(0_u8..3, 1..=8),
        stream in prop::collection::vec(0_u8..3, 0..400),
        pieces in prop::collection::vec(1_usize..40, 1..50),
    ) {
        let framing = framing(Rule::EachMark(marker(&mark)), 1 << 20);
        let (packages, left) = decode(framing, &stream, pieces.into_iter().cycle());
        let (expected, expected_left) = split_by_mark(&stream, &mark);
        prop_assert_eq!(packages, expected);
        prop_assert_eq!(left, Ok(expected_left));
    }

    #[test]
    fn a_limit_holds_for_marks_however_the_stream_is_cut(
        stream in prop::collection::vec(0_u8..3, 0..200),
        pieces in prop::collection::vec(1_usize..40, 1..50),
        max_bytes in 2_u32..20,
    ) {
        let mark = [1, 2];
        let framing = framing(Rule::EachMark(marker(&mark)), max_bytes);
        let (packages, left) = decode(framing, &stream, pieces.into_iter().cycle());
        let (expected, expected_left) = split_by_mark(&stream, &mark);
        let max = max_bytes as usize;
        let good = expected.iter().take_while(|package| package.len() <= max).count();
        prop_assert_eq!(&packages[..], &expected[..good]);
        let fails = good < expected.len() || expected_left >= max;
        prop_assert_eq!(left.is_err(), fails);
    }

    #[test]
    fn lengths_are_kept_however_the_stream_is_cut(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        pieces in prop::collection::vec(1_usize..80, 1..50),
        letter in prop::sample::select(b"nvNVJPSLQslq".to_vec()),
        offset in 0_u16..20,
        counted_head in any::<bool>(),
        cut in 0_usize..300,
    ) {
        let kind = LengthType::from_letter(letter).expect("letter");
        let head = usize::from(offset) + kind.bytes();
        let body_offset = if counted_head { 0 } else { head as u16 };
        let mut packages = Vec::new();
        for body in &bodies {
            let counted = body.len() + if counted_head { head } else { 0 };
            let mut length = match letter {
                b'n' | b'N' | b'J' => (counted as u64).to_be_bytes()[8 - kind.bytes()..].to_vec(),
                b'v' | b'V' | b'P' => (counted as u64).to_le_bytes()[..kind.bytes()].to_vec(),
                _ => match kind.bytes() {
                    2 => (counted as u16).to_ne_bytes().to_vec(),
                    4 => (counted as u32).to_ne_bytes().to_vec(),
                    _ => (counted as u64).to_ne_bytes().to_vec(),
                },
            };
            let mut package = vec![0xee; usize::from(offset)];
            package.append(&mut length);
            package.extend(body);
            packages.push(package);
        }
        let mut stream = packages.concat();
        let whole = stream.len();
        stream.truncate(whole.saturating_sub(cut));
        let framing = framing(Rule::Field(field(letter, offset, body_offset)), 1 << 20);
        let (got, left) = decode(framing, &stream, pieces.into_iter().cycle());
        prop_assert_eq!(&got[..], &packages[..got.len()]);
        let left = left.expect("well-formed");
        prop_assert_eq!(got.concat().len() + left, stream.len());
        prop_assert!(left == 0 || left < packages[got.len()].len());
    }

    #[test]
    fn functions_are_asked_until_they_know(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20),
        pieces in prop::collection::vec(1_usize..30, 1..50),
    ) {
        let packages: Vec<Vec<u8>> = bodies
            .iter()
            .map(|body| [format!("{:02}", body.len()).as_bytes(), body].concat())
            .collect();
        let stream = packages.concat();
        let framing = framing(Rule::Function, 102);
        let (got, left) = decode(framing, &stream, pieces.into_iter().cycle());
        prop_assert_eq!(got, packages);
        prop_assert_eq!(left, Ok(0));
    }

    /// Whatever comes: no panic, no endless loop, no memory beyond the limit, nothing lost or made up.
    #[test]
    fn garbage_is_parsed_or_refused(
        stream in prop::collection::vec(any::<u8>(), 0..2000),
        pieces in prop::collection::vec(1_usize..400, 1..50),
        letter in prop::sample::select(b"cCsSnvlLNVqQJP".to_vec()),
        offset in 0_u16..10,
        body_offset in any::<u16>(),
        max_bytes in 0_u32..3000,
        rule in 0..6,
    ) {
        let rule = match rule {
            0 => Rule::Raw,
            1 => Rule::EachMark(marker(b"\r\n")),
            2 => Rule::LastMark(marker(b"\n")),
            3 => Rule::Field(field(letter, offset, body_offset)),
            4 => Rule::Mqtt,
            _ => Rule::Function,
        };
        let (packages, left) = decode(framing(rule, max_bytes), &stream, pieces.into_iter().cycle());
        let taken = packages.concat();
        prop_assert!(stream.starts_with(&taken));
        for package in packages {
            prop_assert!(rule == Rule::Raw || package.len() <= max_bytes as usize);
        }
        if let Ok(left) = left {
            prop_assert_eq!(taken.len() + left, stream.len());
        }
    }

    #[test]
    fn the_buffer_is_a_queue(ops in prop::collection::vec((0..4, 0_usize..3000), 0..60)) {
        let mut buffer = InputBuffer::new();
        let mut model: Vec<u8> = Vec::new();
        for (index, (op, count)) in ops.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..count).map(|i| (i + index) as u8).collect();
            match op {
                0 => {
                    buffer.extend(&bytes);
                    model.extend(&bytes);
                }
                1 => {
                    buffer.consume(count);
                    model.drain(..count.min(model.len()));
                }
                2 => {
                    buffer.put_back(&bytes);
                    model.splice(..0, bytes);
                }
                _ => {
                    // Room that is not used up.
                    let used = count / 2;
                    buffer.room(count)[..used].copy_from_slice(&bytes[..used]);
                    buffer.added(used);
                    model.extend(&bytes[..used]);
                }
            }
            prop_assert_eq!(buffer.filled(), &model[..]);
            prop_assert_eq!(buffer.len(), model.len());
        }
    }
}

#[test]
fn the_last_mark_takes_all_that_came() {
    let framing = framing(Rule::LastMark(marker(b"\r\n")), 20);
    let mut progress = Progress::START;
    let mut step = |input: &[u8]| framing.step(&mut progress, input);
    assert_eq!(step(b"one\r\ntwo"), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(step(b"one\r\ntwo\r"), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(step(b"one\r\ntwo\r\n"), Ok(Step::Package { len: 10 }));
    assert_eq!(step(&[b'x'; 20]), Err(Malformed::NoMark { max_bytes: 20 }));
}

#[test]
fn a_reader_never_takes_bytes_of_the_next_package() {
    let framing = framing(Rule::Field(field(b'N', 2, 6)), 100);
    let mut progress = Progress::START;
    let mut step = |input: &[u8]| framing.step(&mut progress, input);
    assert_eq!(step(b""), Ok(Step::NeedMore { bytes: 6 }));
    assert_eq!(step(b"xx\0"), Ok(Step::NeedMore { bytes: 3 }));
    assert_eq!(step(b"xx\0\0\0\x05"), Ok(Step::NeedMore { bytes: 5 }));
    assert_eq!(step(b"xx\0\0\0\x05hell"), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(step(b"xx\0\0\0\x05hello"), Ok(Step::Package { len: 11 }));
}

#[test]
fn broken_lengths_say_what_is_wrong() {
    let refused = |rule, max_bytes, input: &[u8]| {
        let error = framing(rule, max_bytes)
            .step(&mut Progress::default(), input)
            .expect_err("refused");
        (error.code(), error.to_string())
    };
    let negative = refused(Rule::Field(field(b'l', 0, 4)), 100, &[0xff; 4]);
    assert_eq!(
        negative,
        (1204, "received 4 bytes of malformed data".to_owned())
    );
    let zero = refused(Rule::Field(field(b'N', 0, 0)), 100, &[0; 4]);
    assert_eq!(zero.0, 1202);
    let long = refused(Rule::Field(field(b'N', 0, 4)), 100, &[0, 0, 0, 97]);
    assert_eq!(long.0, 1201);
    assert!(long.1.contains("101 is too large"));
    let huge = refused(Rule::Field(field(b'J', 0, 65535)), u32::MAX, &[0x7f; 8]);
    assert_eq!(huge.0, 1201);
    let no_mark = refused(Rule::EachMark(marker(b"\n")), 3, b"abc");
    assert_eq!(no_mark.0, 1201);
}

#[test]
fn a_length_function_must_find_the_length_in_the_head() {
    let framing = framing(Rule::Function, 1 << 20);
    let mut progress = Progress::START;
    let head = [0; MAX_HEAD_BYTES];
    assert_eq!(framing.step(&mut progress, &head), Ok(Step::Ask));
    let mut answer = |input: &[u8], length| framing.answer(&mut progress, input, length);
    assert_eq!(answer(&head[1..], 0), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(answer(&head, 0).map_err(|e| e.code()), Err(1202));
    assert_eq!(answer(&head, -1).map_err(|e| e.code()), Err(1204));
    assert_eq!(answer(&head, i64::MAX).map_err(|e| e.code()), Err(1201));
    assert_eq!(answer(b"12", 3), Ok(Step::NeedMore { bytes: 1 }));
    // Now that the length is known, it is not asked again.
    assert_eq!(
        framing.step(&mut progress, b"123"),
        Ok(Step::Package { len: 3 })
    );
    assert_eq!(framing.step(&mut progress, b"4"), Ok(Step::Ask));
}

#[test]
fn markers_have_one_to_eight_bytes() {
    assert_eq!(Marker::new(b""), None);
    assert_eq!(Marker::new(b"123456789"), None);
    assert_eq!(marker(b"12345678").as_bytes(), b"12345678");
}

#[test]
fn an_empty_buffer_holds_little_memory() {
    let mut buffer = InputBuffer::new();
    buffer.extend(&vec![7; 10 << 20]);
    buffer.consume(10 << 20);
    assert!(buffer.is_empty());
    buffer.extend(b"x");
    assert_eq!(buffer.filled(), b"x");
}

#[test]
fn mqtt_packages_have_lengths_of_seven_bits() {
    let framing = framing(Rule::Mqtt, 1 << 20);
    let step = |input: &[u8]| framing.step(&mut Progress::default(), input);
    assert_eq!(step(&[0x30]), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(step(&[0xc0, 0]), Ok(Step::Package { len: 2 }));
    assert_eq!(step(&[0x30, 2, b'a']), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(
        step(&[0x30, 2, b'a', b'b', 0x30]),
        Ok(Step::Package { len: 4 })
    );
    assert_eq!(step(&[0x30, 0x80]), Ok(Step::NeedMore { bytes: 1 }));
    assert_eq!(step(&[0x30, 0x80, 1]), Ok(Step::NeedMore { bytes: 128 }));
    assert_eq!(
        step(&[0x30, 0xff, 0xff, 0x7f]).map_err(|e| e.code()),
        Err(1201)
    );
    let endless = step(&[0x30, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(endless.map_err(|e| e.code()), Err(1204));
}
